"""The codec for models that take one picture a row: as nested numbers, base64 text or files."""

from math import prod
from typing import Any

import numpy as np
import simdjson

from serving import memory
from serving.codecs import json_arrays as arrays
from serving.codecs import named_tensors as named
from serving.codecs.base import Arrays, CardCodec, Limits, Named, numbered
from serving.codecs.json_types import OBJECT, name
from serving.codecs.payload import Payload
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.signature import Signature
from suite.artifact import Card
from suite.errors import SuiteError
from suite.preprocessing.mirror import image

# After decoding more pixels than this, it is worth returning freed memory to the system.
MANY_PIXELS = 4_000_000


class ImageCodec(CardCodec):
    """Decodes pictures to uint8 (N, height, width, channels). Grey ones may leave out the channel axis."""

    kind = "image"

    def __init__(self, card: Card, signature: Signature, limits: Limits) -> None:
        super().__init__(card, signature, limits)
        self._name = card.inputs[0].name
        self._form = image.Form.of(card.inputs[0].shape, card.preprocessing)
        self._shape = self._form[:3]
        self._shapes: list[tuple[int, ...]] = (
            [self._shape, self._shape[:2]] if self._form.channels == 1 else [self._shape]
        )

    def is_slow(self, asked: Payload | Named) -> bool:
        if not isinstance(asked, Payload):
            return any(x.dtype == object for x in asked.values())
        return bool(asked.files) or (asked.instances is not None and not _are_numbers(asked))

    def decode_named(self, tensors: Named, deadline: Deadline) -> Arrays:
        named.check_known(tensors, self._signature)
        rows = named.count_rows(tensors, self._limits)
        named.check_complete(tensors, self._signature)
        x = tensors[self._name]
        if x.dtype == object:
            if x.size != rows:
                raise ServiceError(400, f"the pictures: expected one file a row, found shape {x.shape}")
            return self._decode_all(x.reshape(-1).tolist(), "row", deadline)
        if self._shape[2] == 1 and x.shape[1:] == self._shape[:2]:
            x = x[..., np.newaxis]
        return {self._name: named.of_tensor(x, self._signature.inputs[self._name], "the pictures")}

    def decode_columns(self, columns: Any, deadline: Deadline) -> Arrays:
        found = named.columns_by_name(columns, self._signature)
        named.check_complete(found, self._signature)
        named.count_column_rows(found, self._limits)
        column = found[self._name]
        return self._decode_instances(Payload(instances=column, text=column.mini), deadline)

    def _decode_files(self, files: list[bytes], deadline: Deadline) -> Arrays:
        return self._decode_all(files, "file", deadline)

    def _decode_instances(self, payload: Payload, deadline: Deadline) -> Arrays:
        if not _are_numbers(payload):
            return self._decode_all(payload.instances, "instance", deadline)
        self._check_rows(payload.rows)
        found = arrays.read(payload.instances, payload.text, self._shapes, "uint8", deadline)
        return {self._name: found.reshape(-1, *self._shape)}

    def _decode_all(self, items: Any, word: str, deadline: Deadline) -> Arrays:
        """Decode items one by one; their forms may differ."""
        self._check_rows(len(items))
        pixels = _Pixels(self._limits.pixels, deadline)
        try:
            found = [
                self._decode_one(item, f"{word} {index}", pixels, deadline) for index, item in numbered(items, deadline)
            ]
        finally:
            if pixels.spent > MANY_PIXELS:
                memory.give_back()
        return {self._name: np.stack(found)}

    def _check_rows(self, rows: int) -> None:
        if rows * prod(self._shape) > self._limits.elements:
            most = self._limits.elements // prod(self._shape)
            raise ServiceError(413, f"{rows:,} pictures of {self._shape} in one request: send at most {most:,}")

    def _decode_one(self, item: Any, place: str, pixels: "_Pixels", deadline: Deadline) -> np.ndarray:
        if isinstance(item, OBJECT) and list(item) == ["image"]:
            item = item["image"]
        if isinstance(item, OBJECT):
            if list(item) != ["b64"]:
                raise ServiceError(400, f'{place}: expected {{"b64": "..."}}, found other keys')
            item = arrays.from_base64(item["b64"], place)
        if isinstance(item, str):
            item = arrays.from_base64(item, place)
        if isinstance(item, bytes):
            try:
                return image.decode(item, *self._form, spend=pixels.spend)
            except SuiteError as error:
                raise ServiceError(400, f"{place}: {error}") from error
        if not isinstance(item, simdjson.Array):
            raise ServiceError(400, f"{place}: expected a picture (nested numbers or base64 text), found {name(item)}")
        rank = len(arrays.found_shape(item))
        shape = next((shape for shape in self._shapes if len(shape) == rank), self._shape)
        return arrays.read_one(item, shape, "uint8", place, deadline).reshape(self._shape)


class _Pixels:
    """Counts the pixels of one request's files, before the pictures are scaled down."""

    def __init__(self, most: int, deadline: Deadline) -> None:
        self._most, self._deadline, self.spent = most, deadline, 0

    def spend(self, pixels: int) -> None:
        """Count pixels; raise ServiceError 413 if they are too many, 499 or 504 if the deadline has passed."""
        self._deadline.check()
        self.spent += pixels
        if self.spent > self._most:
            raise ServiceError(413, f"the pictures have more than {self._most:,} pixels together: send fewer at a time")


def _are_numbers(payload: Payload) -> bool:
    return bool(payload.text) and all(isinstance(item, simdjson.Array) for item in payload.instances)
