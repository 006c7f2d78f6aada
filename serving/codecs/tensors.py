"""The codec for models without a card, of which only the signature is known."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from serving.codecs import json_arrays as arrays
from serving.codecs import named_tensors as named
from serving.codecs import responses
from serving.codecs.base import Arrays, Codec, Named, numbered
from serving.codecs.json_types import OBJECT, name, unique_keys
from serving.codecs.payload import Payload
from serving.deadline import Deadline
from serving.errors import ServiceError, nearest
from serving.signature import Shape, Tensor
from suite.errors import shortened

# The maximum that all versions of NumPy support.
MAX_AXES = 32


class TensorCodec(Codec):
    """Decodes each input to (N, *shape) of its dtype.

    An instance is an object by input name or, for a single input, the value itself.
    """

    kind = ""

    def decode_named(self, tensors: Named, deadline: Deadline) -> Arrays:
        named.check_known(tensors, self._signature)
        named.count_rows(tensors, self._limits)
        named.check_complete(tensors, self._signature)
        return {
            key: named.of_tensor(tensors[key], tensor, f"input '{key}'")
            for key, tensor in self._signature.inputs.items()
        }

    def decode_columns(self, columns: Any, deadline: Deadline) -> Arrays:
        given = named.columns_by_name(columns, self._signature)
        named.check_complete(given, self._signature)
        found = {key: self._whole(given[key], tensor, key, deadline) for key, tensor in self._signature.inputs.items()}
        by_row = {key: x for key, x in found.items() if x.ndim}
        # An input of a fixed length is not a batch; its meaning is up to the graph.
        batches = {key: x for key, x in by_row.items() if self._has_rows(key)}
        if by_row:
            named.count_rows(batches or dict([*by_row.items()][:1]), self._limits)
        return by_row | found

    def encode(self, outputs: Arrays, rows: int) -> str:
        return responses.rows(outputs, rows)

    def _decode_files(self, files: list[bytes], deadline: Deadline) -> Arrays:
        raise ServiceError(400, "this model takes no files: send JSON 'instances'")

    def _decode_instances(self, payload: Payload, deadline: Deadline) -> Arrays:
        inputs, items = self._signature.inputs, payload.instances
        if len(inputs) > 1:
            rows = [self._by_name(item, index) for index, item in numbered(items, deadline)]
            return {key: self._column(rows, key, deadline) for key in inputs}
        ((key, tensor),) = inputs.items()
        if _is_number(tensor.dtype) and payload.text and not any(isinstance(item, OBJECT) for item in items):
            shape = self._row_shape(items[0], tensor, payload.rows, "instance 0")
            return {key: arrays.read(items, payload.text, [shape], tensor.dtype, deadline)}
        rows = [self._only(item, key, index) for index, item in numbered(items, deadline)]
        return {key: self._column(rows, key, deadline)}

    def _has_rows(self, key: str) -> bool:
        shape = self._signature.inputs[key].shape
        return not shape or shape[0] is None

    def _whole(self, item: Any, tensor: Tensor, key: str, deadline: Deadline) -> np.ndarray:
        """Convert a whole input, including its batch axis."""
        place, found = f"input '{key}'", arrays.found_shape(item)
        expected = found if tensor.shape is None else tensor.shape
        has_rows = bool(found) == bool(expected) and (not expected or expected[0] in (None, found[0]))
        if not has_rows or not _suits(found[1:], expected[1:]):
            raise _other_shape(found, expected, place)
        _check_axes(found, place)
        if prod(max(1, length) for length in found) > self._limits.elements:
            raise ServiceError(413, f"{place}: more than {self._limits.elements:,} elements: send fewer rows")
        return _reader(tensor.dtype)(item, found, tensor.dtype, place, deadline)

    def _only(self, item: Any, key: str, index: int) -> dict[str, Any]:
        """Return an instance of the only input by name; it may be the value itself, even as {"b64": ...}."""
        is_bytes = self._signature.inputs[key].dtype == "string" and key != "b64"
        if not isinstance(item, OBJECT) or (is_bytes and list(item) == ["b64"]):
            return {key: item}
        return self._by_name(item, index)

    def _by_name(self, item: Any, index: int) -> dict[str, Any]:
        inputs = self._signature.inputs
        if not isinstance(item, OBJECT):
            raise ServiceError(400, f"instance {index}: expected an object by input name, found {name(item)}")
        keys = unique_keys(item)
        unknown = next((key for key in keys if key not in inputs), None)
        if unknown is not None:
            hint = nearest(unknown, [*inputs])
            raise ServiceError(400, f"instance {index}: there is no input '{shortened(unknown)}': {hint}")
        missing = next((key for key in inputs if key not in keys), None)
        if missing is not None:
            raise ServiceError(400, f"instance {index}: the input '{missing}' is missing: give every input")
        return {key: item[key] for key in keys}

    def _column(self, rows: list[dict[str, Any]], key: str, deadline: Deadline) -> np.ndarray:
        tensor = self._signature.inputs[key]
        read, place = _reader(tensor.dtype), "instance {}, input '{}'"
        shape = self._row_shape(rows[0][key], tensor, len(rows), place.format(0, key))
        return np.stack([
            read(row[key], shape, tensor.dtype, place.format(index, key), deadline)
            for index, row in numbered(rows, deadline)
        ])  # fmt: skip

    def _row_shape(self, item: Any, tensor: Tensor, rows: int, place: str) -> arrays.Shape:
        """Return the shape of the first row, which all other rows must have too."""
        if tensor.shape == ():
            raise ServiceError(400, f"{place}: the model takes one value for all rows: send columns as 'inputs'")
        shape = arrays.found_shape(item)
        expected = shape if tensor.shape is None else tensor.shape[1:]
        if not _suits(shape, expected):
            raise _other_shape(shape, expected, place)
        _check_axes(shape, place)
        if rows * prod(max(1, length) for length in shape) > self._limits.elements:
            raise ServiceError(413, f"{rows:,} instances of shape {shape} in one request: send fewer")
        return shape


def _suits(found: arrays.Shape, expected: Shape) -> bool:
    """Return whether a row of this shape may be passed to the model's graph, which then decides about it.

    It may if each length is the expected one, or if the same number of elements is nested differently: a signature of
    (-1, 1) says little about which shapes a graph of elementwise operations accepts.
    """
    if len(found) == len(expected):
        return all(b in (None, a) for a, b in zip(found, expected, strict=True))
    return None in expected or prod(found) == prod(length or 0 for length in expected)


def _check_axes(found: arrays.Shape, place: str) -> None:
    if len(found) > MAX_AXES:
        raise ServiceError(400, f"{place}: expected at most {MAX_AXES} axes, found {arrays.say_shape(found)}")


def _other_shape(found: arrays.Shape, expected: Shape, place: str) -> ServiceError:
    shown = found if len(found) <= arrays.MAX_SHOWN_DEPTH else arrays.say_shape(found)
    return ServiceError(400, f"{place}: expected shape {expected}, found {shown}")


def _is_number(dtype: str) -> bool:
    return dtype not in ("string", "bool")


def _reader(dtype: str) -> Callable[[Any, arrays.Shape, str, str, Deadline], np.ndarray]:
    return arrays.read_one if _is_number(dtype) else arrays.read_objects
