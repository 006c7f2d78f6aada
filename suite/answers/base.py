"""The contract of an answer, which is the part of a task that serving needs, and the registry of answers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from suite.artifact import Card
from suite.errors import SuiteError
from suite.registry import Registry

# Kinds of columns in files of answers, as Arrow names types.
TEXT, NUMBER, BOOLEAN = "string", "float64", "bool"
# float32 has seven digits; more would be noise.
DIGITS = 7
Schema = dict[str, Any]
Outputs = Mapping[str, np.ndarray]


class NotFinite(SuiteError):
    """The model's answer for a row is not a number; `row` counts from 0."""

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row}: the model's answer is not a number")
        self.row = row


class Answer(ABC):
    """The answers of a card's model; `output` is the name of the output (N, K) that they are made from."""

    output: ClassVar[str]

    def __init__(self, card: Card) -> None:
        self.card = card

    @abstractmethod
    def columns(self) -> dict[str, str]:
        """The columns of a file of answers, each with its kind: string, float64 or bool."""

    @abstractmethod
    def rows(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        """The values of these columns for each row, from outputs (N, K) that are finite."""

    @abstractmethod
    def write(self, outputs: Outputs) -> str:
        """A JSON list with the service's answer for each row; NotFinite for one that is not finite."""

    @abstractmethod
    def schema(self) -> Schema:
        """The JSON schema of the service's answer for a row."""

    @property
    def is_number(self) -> bool:
        """Whether one number can stand for the answer, as TensorFlow Serving's regressions have it."""
        return False

    def number(self, outputs: np.ndarray) -> np.ndarray:
        """These numbers (N,), if `is_number`."""
        raise NotImplementedError


REGISTRY: Registry[type[Answer]] = Registry(
    "task",
    "suite.answers",
    {
        "classification": "suite.answers.classes:Classes",
        "detection": "suite.answers.classes:Classes",
        "regression": "suite.answers.number:Number",
        "multi_label": "suite.answers.labels:Labels",
    },
)


def of(card: Card) -> Answer:
    """The answers of a card's model; UsageError for a task that is not installed."""
    return REGISTRY.get(card.task)(card)


def closed(properties: Mapping[str, Schema]) -> Schema:
    """The schema of an object with these properties and no others."""
    return {"type": "object", "properties": dict(properties), "required": list(properties),
            "additionalProperties": False}  # fmt: skip
