"""Instances for a SavedModel of which only the signature is known."""

from collections.abc import Mapping
from math import prod
from typing import Any, Protocol

import numpy as np
import simdjson

from serving.codec import arrays
from serving.codec.body import Asked, name
from serving.errors import ServiceError, nearest


class Tensor(Protocol):
    """What a signature tells of an input; in `shape`, with the batch axis, None is any size."""

    @property
    def dtype(self) -> str: ...

    @property
    def shape(self) -> tuple[int | None, ...] | None: ...


def read(asked: Asked, inputs: Mapping[str, Tensor], max_elements: int) -> dict[str, np.ndarray]:
    """Each input as (N, *shape) of its dtype; ServiceError 400 or 413.

    An instance is the value itself where there is one input, or an object by input name.
    """
    if asked.files:
        raise ServiceError(400, "this model takes no files: send JSON 'instances'")
    first = asked.instances[0]
    if len(inputs) == 1 and not isinstance(first, simdjson.Object):
        key, tensor = next(iter(inputs.items()))
        shape = _resolve(arrays.found_shape(first), tensor, asked.rows, max_elements, "instance 0")
        if _is_number(tensor.dtype):
            return {key: arrays.read(asked.instances, asked.text, [shape], tensor.dtype)}
        return {key: _stack([(f"instance {i}", x) for i, x in enumerate(asked.instances)], shape, tensor.dtype)}
    rows = [_by_name(item, inputs, index) for index, item in enumerate(asked.instances)]
    return {key: _column(rows, key, tensor, max_elements) for key, tensor in inputs.items()}


def _by_name(item: Any, inputs: Mapping[str, Tensor], index: int) -> dict[str, Any]:
    if not isinstance(item, simdjson.Object):
        raise ServiceError(400, f"instance {index}: expected an object by input name, found {name(item)}")
    unknown = [key for key in item if key not in inputs]
    if unknown:
        raise ServiceError(
            400, f"instance {index}: there is no input '{unknown[0][:50]}': {nearest(unknown[0], [*inputs])}"
        )
    row = {key: item[key] for key in item}
    missing = [key for key in inputs if key not in row]
    if missing:
        raise ServiceError(400, f"instance {index}: the input '{missing[0]}' is missing: give every input")
    return row


def _column(rows: list[dict[str, Any]], key: str, tensor: Tensor, max_elements: int) -> np.ndarray:
    places = [(f"instance {index}, input '{key}'", row[key]) for index, row in enumerate(rows)]
    shape = _resolve(arrays.found_shape(places[0][1]), tensor, len(rows), max_elements, places[0][0])
    return _stack(places, shape, tensor.dtype)


def _resolve(found: arrays.Shape, tensor: Tensor, rows: int, max_elements: int, place: str) -> arrays.Shape:
    """The shape of a row, with what the signature leaves open as it was found in the first one."""
    expected = found if tensor.shape is None else tensor.shape[1:]
    shape = tuple(a if b is None else b for a, b in zip(found, expected, strict=False))
    if len(found) != len(expected) or shape != found:
        raise ServiceError(400, f"{place}: expected shape {expected}, found {found}")
    if rows * prod(max(1, length) for length in shape) > max_elements:
        raise ServiceError(413, f"{rows:,} instances of shape {shape} in one request: send fewer")
    return shape


def _is_number(dtype: str) -> bool:
    return dtype not in ("string", "bool")


def _stack(places: list[tuple[str, Any]], shape: arrays.Shape, dtype: str) -> np.ndarray:
    if _is_number(dtype):
        return np.stack([arrays.read_one(item, shape, dtype, place) for place, item in places])
    wanted, kind = ("text", str) if dtype == "string" else ("true or false", bool)
    flat: list[Any] = []
    for place, item in places:
        _leaves(item, shape, kind, wanted, place, flat)
    result = np.empty(len(flat), object if dtype == "string" else bool)
    result[:] = flat
    return result.reshape(len(places), *shape)


def _leaves(item: Any, shape: arrays.Shape, kind: type, wanted: str, place: str, into: list[Any]) -> None:
    if not shape:
        if not isinstance(item, kind):
            raise ServiceError(400, f"{place}: expected {wanted}, found {name(item)}")
        into.append(item)
        return
    if not isinstance(item, simdjson.Array) or len(item) != shape[0]:
        raise ServiceError(400, f"{place}: expected a list of {shape[0]}, found {name(item)} of another length")
    for index, child in enumerate(item):
        _leaves(child, shape[1:], kind, wanted, f"{place}[{index}]", into)
