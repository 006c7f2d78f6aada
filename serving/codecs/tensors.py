"""Instances for a SavedModel of which only the signature is known."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from serving.codecs import json_arrays as arrays
from serving.codecs.json_types import OBJECT, name
from serving.codecs.payload import Asked
from serving.errors import ServiceError, nearest
from serving.signature import Shape, Tensor


def read(asked: Asked, inputs: Mapping[str, Tensor], max_elements: int) -> dict[str, np.ndarray]:
    """Each input as (N, *shape) of its dtype, in the shape in which it was sent; ServiceError 400 or 413.

    An instance is the value itself where there is one input, or an object by input name.
    """
    if asked.files:
        raise ServiceError(400, "this model takes no files: send JSON 'instances'")
    if len(inputs) == 1:
        ((key, tensor),) = inputs.items()
        if _is_number(tensor.dtype) and asked.text and not any(isinstance(one, OBJECT) for one in asked.instances):
            shape = _resolve(arrays.found_shape(asked.instances[0]), tensor, asked.rows, max_elements, "instance 0")
            return {key: arrays.read(asked.instances, asked.text, [shape], tensor.dtype)}
        rows = [_only(item, key, inputs, index) for index, item in enumerate(asked.instances)]
    else:
        rows = [_by_name(item, inputs, index) for index, item in enumerate(asked.instances)]
    return {key: _column(rows, key, tensor, max_elements) for key, tensor in inputs.items()}


def column(item: Any, tensor: Tensor, max_elements: int, place: str) -> np.ndarray:
    """A whole input, batch axis and all, of the tensor's dtype."""
    found = arrays.found_shape(item)
    _check_depth(found, place)
    expected = found if tensor.shape is None else tensor.shape
    has_rows = bool(found) == bool(expected) and (not expected or expected[0] in (None, found[0]))
    if not (has_rows and _suits(found[1:], expected[1:])):
        raise ServiceError(400, f"{place}: expected shape {expected}, found {found}")
    if prod(max(1, length) for length in found) > max_elements:
        raise ServiceError(413, f"{place}: more than {max_elements:,} elements: send fewer rows")
    return _reader(tensor.dtype)(item, found, tensor.dtype, place)


def _only(item: Any, key: str, inputs: Mapping[str, Tensor], index: int) -> dict[str, Any]:
    """The value itself (bytes as {"b64": ...} too), or an object by input name."""
    is_value = not isinstance(item, OBJECT) or (inputs[key].dtype == "string" and list(item) == ["b64"] != [key])
    return {key: item} if is_value else _by_name(item, inputs, index)


def _by_name(item: Any, inputs: Mapping[str, Tensor], index: int) -> dict[str, Any]:
    if not isinstance(item, OBJECT):
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
    """The shape of all rows, which is that of the first one; ServiceError 400 or 413."""
    if tensor.shape == ():
        raise ServiceError(400, f"{place}: the model takes one value for all rows: send columns as 'inputs'")
    _check_depth(found, place)
    expected = found if tensor.shape is None else tensor.shape[1:]
    if not _suits(found, expected):
        raise ServiceError(400, f"{place}: expected shape {expected}, found {found}")
    if rows * prod(max(1, length) for length in found) > max_elements:
        raise ServiceError(413, f"{rows:,} instances of shape {found} in one request: send fewer")
    return found


def _check_depth(found: arrays.Shape, place: str) -> None:
    if len(found) > arrays.DEEPEST:
        raise ServiceError(400, f"{place}: lists in each other, {len(found)} deep: nest at most {arrays.DEEPEST}")


def _suits(found: arrays.Shape, expected: Shape) -> bool:
    """Whether the model's graph may be given a row of this shape, and asked whether it takes it.

    That is so where each length is the expected one, or where as many numbers are nested otherwise: a signature of
    (-1, 1) says little about a graph that multiplies and adds.
    """
    if len(found) == len(expected):
        return all(b in (None, a) for a, b in zip(found, expected, strict=True))
    return None in expected or prod(found) == prod(length or 0 for length in expected)


def _is_number(dtype: str) -> bool:
    return dtype not in ("string", "bool")


def _reader(dtype: str) -> Callable[[Any, arrays.Shape, str, str], np.ndarray]:
    return arrays.read_one if _is_number(dtype) else arrays.read_objects


def _stack(places: list[tuple[str, Any]], shape: arrays.Shape, dtype: str) -> np.ndarray:
    read = _reader(dtype)
    return np.stack([read(item, shape, dtype, place) for place, item in places])
