"""The answers of models that answer with a number."""

import math
from typing import Any, ClassVar

import numpy as np

from suite.answers.base import DIGITS, NUMBER, Answer, NotFinite, Outputs, Schema, closed
from suite.artifact import PREDICTION

NAMES = ("prediction", "lower", "upper")


class Number(Answer):
    """The prediction and the bounds of its interval (N, 3)."""

    output: ClassVar[str] = PREDICTION
    _template = '{"prediction":%.7g,"lower":%.7g,"upper":%.7g}'

    def columns(self) -> dict[str, str]:
        return dict.fromkeys(NAMES, NUMBER)

    def rows(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {name: float(f"{value:.{DIGITS}g}") for name, value in zip(NAMES, row, strict=True)}
            for row in outputs.tolist()
        ]

    def write(self, outputs: Outputs) -> str:
        rows = outputs[PREDICTION].tolist()
        for index, row in enumerate(rows):
            if not all(map(math.isfinite, row)):
                raise NotFinite(index)
        return f"[{','.join(self._template % tuple(row) for row in rows)}]"

    def schema(self) -> Schema:
        return closed({name: {"type": "number"} for name in NAMES})

    @property
    def is_number(self) -> bool:
        return True

    def number(self, outputs: np.ndarray) -> np.ndarray:
        """The prediction."""
        return outputs[:, 0]
