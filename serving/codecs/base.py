"""The interface of codecs, which decode requests into a model's raw inputs and encode its outputs.

Codecs are independent of HTTP. Their methods take bytes, parsed JSON or arrays and return arrays or text. They hold no
locks and never wait, so any thread may run them. For every problem with a request they raise ServiceError: 400 if it is
invalid, 413 if it is too large, 422 if the model has no answer, 499 if the client has left, 504 if it is too late.
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
from suite import answers
from suite.artifact import Card

Arrays = dict[str, np.ndarray]
Named = Mapping[str, np.ndarray]
# Rows between two checks of the deadline.
DEADLINE_CHECK_INTERVAL = 64


@dataclass(frozen=True)
class Limits:
    """Limits for one request: rows, array elements after decoding, and pixels of picture files before decoding."""

    rows: int = 10_000
    elements: int = 2**26
    pixels: int = 150_000_000

    @classmethod
    def of(cls, config: Config) -> "Limits":
        """Return the limits in the service's settings."""
        return cls(config.max_rows, config.max_elements)

    def check_rows(self, rows: int) -> None:
        """Raise ServiceError 413 if there are more rows than allowed."""
        if rows > self.rows:
            raise ServiceError(413, TOO_MANY.format(rows, self.rows))


class Codec(ABC):
    """Decodes requests for models of one `kind`, and encodes their outputs."""

    kind: str

    def __init__(self, signature: Signature, limits: Limits) -> None:
        self._signature, self._limits = signature, limits

    def decode(self, payload: Payload, deadline: Deadline) -> Arrays:
        """Decode a payload into raw inputs by name."""
        if payload.array is not None:
            return self.decode_named({next(iter(self._signature.inputs)): payload.array}, deadline)
        if payload.table is not None:
            return self._decode_table(payload, payload.table, deadline)
        if payload.files:
            return self._decode_files(payload.files, deadline)
        return self._decode_instances(payload, deadline)

    @abstractmethod
    def decode_named(self, tensors: Named, deadline: Deadline) -> Arrays:
        """Decode arrays (N, ...) by input name, of numbers, bool, or object holding bytes or text, into raw inputs."""

    @abstractmethod
    def decode_columns(self, columns: Any, deadline: Deadline) -> Arrays:
        """Decode a JSON object of columns by input name, or the column of the only input, into raw inputs."""

    @abstractmethod
    def encode(self, outputs: Arrays, rows: int) -> str:
        """Return a JSON list with one prediction a row."""

    def is_slow(self, asked: Payload | Named) -> bool:
        """Return whether decoding may take long even for few bytes, as it does for compressed pictures."""
        return False

    @abstractmethod
    def _decode_instances(self, payload: Payload, deadline: Deadline) -> Arrays: ...

    def _decode_files(self, files: list[bytes], deadline: Deadline) -> Arrays:
        raise ServiceError(400, "this model takes no pictures: send JSON 'instances'")

    def _decode_table(self, payload: Payload, table: Table, deadline: Deadline) -> Arrays:
        raise ServiceError(400, "this model takes no CSV: send JSON")


class CardCodec(Codec):
    """Base class of codecs for models with a card, which says what their outputs answer."""

    def __init__(self, card: Card, signature: Signature, limits: Limits) -> None:
        super().__init__(signature, limits)
        self._answer = answers.of(card)

    def encode(self, outputs: Arrays, rows: int) -> str:
        try:
            return self._answer.write(outputs)
        except answers.NotFinite as error:
            raise ServiceError(422, responses.NOT_A_NUMBER.format(error.row)) from error


def numbered(rows: Iterable[Any], deadline: Deadline) -> Iterator[tuple[int, Any]]:
    """Yield rows with their indices, checking the deadline; raise ServiceError 499 or 504 once it has passed."""
    for index, row in enumerate(rows):
        if index % DEADLINE_CHECK_INTERVAL == DEADLINE_CHECK_INTERVAL - 1:
            deadline.check()
        yield index, row
