"""The codec for models that take one text a row."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from serving.codecs import json_arrays as arrays
from serving.codecs import named_tensors as named
from serving.codecs.base import Arrays, CardCodec, Limits, Named, numbered
from serving.codecs.json_types import OBJECT, name
from serving.codecs.payload import Payload, Table
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.signature import Signature
from suite.artifact import Card


class TextCodec(CardCodec):
    """Decodes texts to object (N,)."""

    kind = "text"

    def __init__(self, card: Card, signature: Signature, limits: Limits) -> None:
        super().__init__(card, signature, limits)
        self._name = card.inputs[0].name

    def decode_named(self, tensors: Named, deadline: Deadline) -> Arrays:
        named.check_known(tensors, self._signature)
        named.count_rows(tensors, self._limits)
        named.check_complete(tensors, self._signature)
        place = f"input '{self._name}'"
        found = named.of_tensor(tensors[self._name], self._signature.inputs[self._name], place)
        return {self._name: named.decoded_texts(found, place)}

    def decode_columns(self, columns: Any, deadline: Deadline) -> Arrays:
        found = named.columns_by_name(columns, self._signature)
        named.check_complete(found, self._signature)
        rows = named.count_column_rows(found, self._limits)
        return {self._name: read(found[self._name], rows, deadline)}

    def _decode_instances(self, payload: Payload, deadline: Deadline) -> Arrays:
        return {self._name: read(payload.instances, payload.rows, deadline)}

    def _decode_table(self, payload: Payload, table: Table, deadline: Deadline) -> Arrays:
        if self._name not in table:
            raise ServiceError(400, f"the CSV has no column '{self._name}': name the column of texts so")
        payload.pass_over(table, (self._name,), "the CSV")
        return {self._name: np.array(table[self._name], object)}


def read(instances: Iterable[Any], rows: int, deadline: Deadline) -> np.ndarray:
    """Return texts as object (N,), each given as text, {"text": ...} or {"b64": ...}; raise ServiceError 400."""
    texts = np.empty(rows, object)
    for index, item in numbered(instances, deadline):
        if isinstance(item, OBJECT) and list(item) in (["text"], ["b64"]):
            item = item["text"] if "text" in item else arrays.from_base64(item["b64"], f"instance {index}")
        if isinstance(item, bytes):
            item = named.utf8(item, f"instance {index}")
        if not isinstance(item, str):
            raise ServiceError(400, f'instance {index}: expected text or {{"text": "..."}}, found {name(item)}')
        texts[index] = item
    return texts
