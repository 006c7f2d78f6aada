"""The answers of models that answer with any number of labels."""

import json
import math
from typing import Any, ClassVar

import numpy as np

from suite.answers.base import DIGITS, NUMBER, TEXT, Answer, NotFinite, Outputs, Schema, closed
from suite.artifact import PROBABILITIES, Card
from suite.decision import holding_labels

SEPARATOR = "; "


class Labels(Answer):
    """The labels whose probability reaches their threshold, and the probabilities of all (N, labels).

    Labels are in the card's order. In a file those that hold are one text, separated by semicolons.
    """

    output: ClassVar[str] = PROBABILITIES

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self._labels = [json.dumps(label, ensure_ascii=False) for label in card.labels]
        probabilities = ",".join(label.replace("%", "%%") + ":%.7g" for label in self._labels)
        self._template = f'{{"labels":[%s],"probabilities":{{{probabilities}}}}}'

    def columns(self) -> dict[str, str]:
        return {"prediction": TEXT} | dict.fromkeys((f"p_{label}" for label in self.card.labels), NUMBER)

    def rows(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        names = [f"p_{label}" for label in self.card.labels]
        rounded = np.round(outputs.astype(np.float64), DIGITS).tolist()
        return [
            {"prediction": SEPARATOR.join(self._holding(self.card.labels, holds))}
            | dict(zip(names, values, strict=True))
            for holds, values in zip(self._decide(outputs), rounded, strict=True)
        ]

    def write(self, outputs: Outputs) -> str:
        values = outputs[PROBABILITIES]
        rows = values.tolist()
        for index, row in enumerate(rows):
            # If all numbers are finite float32 values, their sum is finite too.
            if not math.isfinite(sum(row)):
                raise NotFinite(index)
        held = (",".join(self._holding(self._labels, holds)) for holds in self._decide(values))
        return f"[{','.join(self._template % (labels, *row) for labels, row in zip(held, rows, strict=True))}]"

    def _decide(self, outputs: np.ndarray) -> list[list[bool]]:
        decided: list[list[bool]] = holding_labels(outputs, self.card.threshold).tolist()
        return decided

    @staticmethod
    def _holding(labels: list[str], holds: list[bool]) -> list[str]:
        return [label for label, is_held in zip(labels, holds, strict=True) if is_held]

    def schema(self) -> Schema:
        labels, share = self.card.labels, {"type": "number", "minimum": 0, "maximum": 1}
        return closed({
            "labels": {"type": "array", "items": {"enum": labels}, "uniqueItems": True},
            "probabilities": closed(dict.fromkeys(labels, share)),
        })  # fmt: skip
