"""The answers of models that answer with a class."""

import json
import math
from typing import Any, ClassVar

import numpy as np

from suite.answers.base import BOOLEAN, DIGITS, NUMBER, TEXT, Answer, NotFinite, Outputs, Schema, closed
from suite.artifact import PROBABILITIES, Card
from suite.decision import predicted_classes, single


class Classes(Answer):
    """The label, its score and all probabilities (N, labels).

    If the card has a threshold, the label is the second one if and only if its probability reaches the threshold, and
    the score is that probability.
    """

    output: ClassVar[str] = PROBABILITIES

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self._labels = [json.dumps(label, ensure_ascii=False) for label in card.labels]
        self._has_threshold = card.threshold is not None
        self._threshold = 0.0 if card.threshold is None else single(card.threshold)
        probabilities = ",".join(label.replace("%", "%%") + ":%.7g" for label in self._labels)
        detected = f'"threshold":{json.dumps(card.threshold)},"flagged":%s,' if card.threshold is not None else ""
        self._template = f'{{"label":%s,"score":%.7g,{detected}"probabilities":{{{probabilities}}}}}'

    def columns(self) -> dict[str, str]:
        numbers = dict.fromkeys(("score", *(f"p_{label}" for label in self.card.labels)), NUMBER)
        return {"label": TEXT} | numbers | ({"flagged": BOOLEAN, "threshold": NUMBER} if self._has_threshold else {})

    def rows(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        card, found = self.card, []
        rounded = np.round(outputs.astype(np.float64), DIGITS)
        for number, values in zip(predicted_classes(rounded, card.threshold).tolist(), rounded.tolist(), strict=True):
            score = values[number] if card.threshold is None else values[1]
            by_label = {f"p_{label}": p for label, p in zip(card.labels, values, strict=True)}
            decided = {} if card.threshold is None else {"flagged": bool(number), "threshold": card.threshold}
            found.append({"label": card.labels[number], "score": score} | by_label | decided)
        return found

    def write(self, outputs: Outputs) -> str:
        rows = outputs[PROBABILITIES].tolist()
        for index, row in enumerate(rows):
            # If all numbers are finite float32 values, their sum is finite too.
            if not math.isfinite(sum(row)):
                raise NotFinite(index)
        return f"[{','.join(map(self._flagged if self._has_threshold else self._highest, rows))}]"

    def _highest(self, row: list[float]) -> str:
        score = max(row)
        return self._template % (self._labels[row.index(score)], score, *row)

    def _flagged(self, row: list[float]) -> str:
        is_flagged = row[1] >= self._threshold
        return self._template % (self._labels[is_flagged], row[1], "true" if is_flagged else "false", *row)

    def schema(self) -> Schema:
        card, share = self.card, {"type": "number", "minimum": 0, "maximum": 1}
        detected: Schema = {"threshold": {"const": card.threshold}, "flagged": {"type": "boolean"}}
        return closed({
            "label": {"enum": card.labels},
            "score": share,
            **(detected if self._has_threshold else {}),
            "probabilities": closed(dict.fromkeys(card.labels, share)),
        })  # fmt: skip

    @property
    def is_number(self) -> bool:
        return len(self.card.labels) == 2

    def number(self, outputs: np.ndarray) -> np.ndarray:
        """How likely the second of two labels is."""
        return outputs[:, 1]
