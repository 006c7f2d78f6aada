"""What a codec of any kind of model does: requests to a model's raw inputs, and its outputs to an answer.

Codecs know nothing of HTTP. Their methods take bytes, parsed JSON or arrays and return arrays or text. They hold no
locks and wait for nothing, so any thread may run them. Every doubt about a request is a ServiceError: 400 where it
makes no sense, 413 where it is too large, 422 where the model has no answer, 499 or 504 where nobody waits any longer.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.codecs import responses
from serving.codecs.payload import TOO_MANY, Payload, Table
from serving.config import Config
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.signature import Signature
from suite.artifact import Card

Arrays = dict[str, np.ndarray]
Named = Mapping[str, np.ndarray]
# Rows between two looks at the deadline.
EVERY = 64


@dataclass(frozen=True)
class Limits:
    """How much one request may hold: rows, array elements once decoded, and pixels of picture files before that."""

    rows: int = 10_000
    elements: int = 2**26
    pixels: int = 150_000_000

    @classmethod
    def of(cls, config: Config) -> "Limits":
        """As the service is set up."""
        return cls(config.max_rows, config.max_elements)

    def check_rows(self, rows: int) -> None:
        """ServiceError 413 for more rows than that."""
        if rows > self.rows:
            raise ServiceError(413, TOO_MANY.format(rows, self.rows))


class Codec(ABC):
    """Decodes what is asked of models of one `kind`, and encodes what they answer."""

    kind: str

    def __init__(self, signature: Signature, limits: Limits) -> None:
        self._signature, self._limits = signature, limits

    def decode(self, payload: Payload, deadline: Deadline) -> Arrays:
        """The raw inputs that a payload holds, by name."""
        if payload.array is not None:
            return self.decode_named({next(iter(self._signature.inputs)): payload.array}, deadline)
        if payload.table is not None:
            return self._decode_table(payload.table, deadline)
        if payload.files:
            return self._decode_files(payload.files, deadline)
        return self._decode_instances(payload, deadline)

    @abstractmethod
    def decode_named(self, tensors: Named, deadline: Deadline) -> Arrays:
        """The raw inputs in arrays (N, ...) by input name: of numbers, of bool, or of object holding bytes or text."""

    @abstractmethod
    def decode_columns(self, columns: Any, deadline: Deadline) -> Arrays:
        """The raw inputs in a JSON object of columns by input name, or in the only input's column."""

    @abstractmethod
    def encode(self, outputs: Arrays, rows: int) -> str:
        """A JSON list of one prediction a row."""

    def is_slow(self, asked: Payload | Named) -> bool:
        """Whether decoding may take long however few bytes are asked, as decompressing pictures does."""
        return False

    @abstractmethod
    def _decode_instances(self, payload: Payload, deadline: Deadline) -> Arrays: ...

    def _decode_files(self, files: list[bytes], deadline: Deadline) -> Arrays:
        raise ServiceError(400, "this model takes no pictures: send JSON 'instances'")

    def _decode_table(self, table: Table, deadline: Deadline) -> Arrays:
        raise ServiceError(400, "this model takes no CSV: send JSON")


class CardCodec(Codec):
    """A codec of models with a card, which answer probabilities by label."""

    def __init__(self, card: Card, signature: Signature, limits: Limits) -> None:
        super().__init__(signature, limits)
        self._classes = responses.Classes(card)

    def encode(self, outputs: Arrays, rows: int) -> str:
        return self._classes.encode(outputs)


def numbered(rows: Iterable[Any], deadline: Deadline) -> Iterator[tuple[int, Any]]:
    """The rows and their numbers; ServiceError 499 or 504 once nobody waits any longer."""
    for index, row in enumerate(rows):
        if index % EVERY == EVERY - 1:
            deadline.check()
        yield index, row
