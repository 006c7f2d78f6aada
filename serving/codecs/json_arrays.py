"""Converts nested JSON lists to arrays, without losing precision.

simdjson returns all numbers of a list in one flat buffer, regardless of how they are nested. The nesting is therefore
checked first, in one comparison: the brackets and commas of the text, without everything between them, must be those of
a regular array. If that fails, the list is read again number by number, to report what is wrong and where.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np
import simdjson

from serving.codecs.base import numbered
from serving.codecs.json_types import OBJECT, as_integer, name
from serving.deadline import Deadline
from serving.errors import ServiceError

Shape = tuple[int, ...]
Kind = type[str] | type[bool]
MAX_SHOWN_DEPTH = 8
# From MAX_EXACT on, floats cannot represent every whole number. LOWEST is the lowest 64-bit integer.
MAX_EXACT, LOWEST = 2.0**53, -(2.0**63)
NOT_STRUCTURE = bytes(set(range(256)) - set(b"[],"))
# The brackets and commas of a few arrays are cached, of at most this many elements, at up to four bytes an element.
MAX_CACHED_ELEMENTS = 2**16


def read(instances: Any, text: bytes, shapes: Sequence[Shape], dtype: str, deadline: Deadline) -> np.ndarray:
    """Convert a list of arrays, each of one of the shapes, to (N, *shape) of the dtype; raise ServiceError 400.

    `text` is the JSON document; no string in it may contain a bracket or a comma.
    """
    rows = len(instances)
    shape = _likeliest(found_shape(instances)[1:], shapes)
    if _is_regular(text, (rows, *shape)):
        values = _values(instances, np.dtype(dtype))
        # An empty list has the same brackets as a list of one number.
        if values is not None and values.size == rows * prod(shape):
            return values.reshape(rows, *shape)
    found = [
        read_one(item, _likeliest(found_shape(item), shapes), dtype, f"instance {index}", deadline)
        for index, item in numbered(instances, deadline)
    ]
    return np.stack([x.reshape(shape) for x in found])


def read_one(item: Any, shape: Shape, dtype: str, place: str, deadline: Deadline) -> np.ndarray:
    """Convert one array of the given shape; raise ServiceError 400 that says what differs and where."""
    found = found_shape(item)
    if found == shape and shape and _is_regular(item.mini, shape):
        values = _values(item, np.dtype(dtype))
        if values is not None and values.size == prod(shape):
            return values.reshape(shape)
    if found != shape:
        raise ServiceError(400, f"{place}: expected {say_shape(shape)}, found {say_shape(found, item)}")
    for _ in numbered(_leaves(item, shape, place), deadline):
        pass
    values = _values(item, np.dtype(dtype)) if shape else _values_of(item, np.dtype(dtype))
    if values is None:
        raise ServiceError(400, f"{place}: expected {in_words(np.dtype(dtype))}, found others")
    return values.reshape(shape)


def read_objects(item: Any, shape: Shape, dtype: str, place: str, deadline: Deadline) -> np.ndarray:
    """Convert one array of texts (dtype "string") or booleans ("bool"); raise ServiceError 400, saying what differs."""
    is_text = dtype == "string"
    flat = [leaf for _, leaf in numbered(_leaves(item, shape, place, str if is_text else bool), deadline)]
    result = np.empty(len(flat), object if is_text else bool)
    result[:] = flat
    return result.reshape(shape)


def _leaves(item: Any, shape: Shape, place: str, kind: Kind | None = None) -> Iterator[Any]:
    """Yield the elements of an array in order, which must be of `kind` (None: numbers); else raise ServiceError 400."""
    if not shape:
        yield _element(item, place, kind)
        return
    if not isinstance(item, simdjson.Array):
        raise ServiceError(400, f"{place}: expected a list of {shape[0]}, found {name(item)}")
    if len(item) != shape[0]:
        raise ServiceError(400, f"{place} is ragged: expected a list of {shape[0]}, found {len(item)}")
    for index, child in enumerate(item):
        # Most elements are valid, and describing the place of each would take longer than reading it.
        if len(shape) == 1 and (type(child) is kind or (kind is None and type(child) in (int, float))):
            yield child
        else:
            yield from _leaves(child, shape[1:], f"{place}[{index}]", kind)


def _element(item: Any, place: str, kind: Kind | None) -> Any:
    if kind is str and isinstance(item, OBJECT) and list(item) == ["b64"]:
        return from_base64(item["b64"], place)
    is_number = isinstance(item, int | float) and not isinstance(item, bool)
    if isinstance(item, kind) if kind else is_number:
        return item
    wanted = {str: "text", bool: "true or false", None: "a number"}[kind]
    raise ServiceError(400, f"{place}: expected {wanted}, found {name(item)}")


def from_base64(text: Any, place: str) -> bytes:
    """Decode base64 text; raise ServiceError 400."""
    if not isinstance(text, str):
        raise ServiceError(400, f"{place}: expected base64 text under 'b64', found {name(text)}")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceError(400, f"{place}: the text is not base64 ({error}): encode it so") from error


def found_shape(item: Any) -> Shape:
    """Return the lengths of nested lists, following the first item of each."""
    lengths = []
    while isinstance(item, simdjson.Array):
        lengths.append(len(item))
        if not lengths[-1]:
            break
        item = item[0]
    return tuple(lengths)


def _likeliest(found: Shape, shapes: Sequence[Shape]) -> Shape:
    return next((shape for shape in shapes if len(shape) == len(found)), shapes[0])


def _is_regular(text: bytes, shape: Shape) -> bool:
    """Return whether the brackets and commas of a document are those of an array of this shape."""
    elements = _elements(shape)
    # Every number takes at least a byte, so the document cannot contain an array of more elements than bytes.
    if elements > len(text):
        return False
    structure = _cached_structure(shape) if elements <= MAX_CACHED_ELEMENTS else _structure(shape)
    return text.translate(None, NOT_STRUCTURE).strip(b",") == structure


@lru_cache(256)
def _elements(shape: Shape) -> int:
    """Return how many numbers, or empty lists, an array of this shape has."""
    return prod(max(1, length) for length in shape)


def _structure(shape: Shape) -> bytes:
    structure = b""
    for length in reversed(shape):
        structure = b"[" + ((structure + b",") * length)[:-1] + b"]"
    return structure


_cached_structure = lru_cache(32)(_structure)


def _values(array: Any, dtype: np.dtype[Any]) -> np.ndarray | None:
    """Return the numbers of a list, flat; None if one is not a number or cannot be represented in the dtype."""
    if dtype.kind in "iu":
        kind, wide = ("u", np.uint64) if dtype.kind == "u" else ("i", np.int64)
        try:
            return narrow(np.frombuffer(array.as_buffer(of_type=kind), wide), dtype)
        except (TypeError, ValueError):
            # They may be whole numbers written with a decimal point.
            pass
    try:
        found = np.frombuffer(array.as_buffer(of_type="d"), np.float64)
    except (TypeError, ValueError):
        return None
    if dtype.kind in "iu" and found.size and np.abs(found).max() >= MAX_EXACT:
        exact = [_exactly(item) for item in _flat(array)]
        return None if None in exact else narrow(np.array(exact, object), dtype)
    return narrow(found, dtype)


def _flat(array: Any) -> Iterator[Any]:
    for item in array:
        yield from _flat(item) if isinstance(item, simdjson.Array) else (item,)


def _exactly(number: float) -> int | None:
    """Return a whole number exactly as written; None if it is not whole, or may have been rounded to LOWEST."""
    return None if isinstance(number, float) and number <= LOWEST else as_integer(number)


def _values_of(number: float, dtype: np.dtype[Any]) -> np.ndarray | None:
    try:
        return narrow(np.array([number]), dtype)
    except TypeError:
        return None


@cache
def _limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the lowest and the highest value of an integer dtype."""
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def narrow(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | None:
    """Convert values to the dtype; return None if they do not fit or, for an integer dtype, are not whole."""
    if not values.size:
        return values.astype(dtype)
    if dtype.kind in "iu":
        return _narrow_to_integers(values, dtype)
    # Ignore NaN, which is not too large for any float dtype.
    low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    if max(-float(low), float(high)) > float(np.finfo(dtype).max):
        return None
    # Converting a signalling NaN would cause a warning.
    with np.errstate(invalid="ignore"):
        return values.astype(dtype)


def _narrow_to_integers(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | None:
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and not (values % 1).any()):
        return None
    lowest, highest = _limits(dtype)
    # Compare Python numbers, which is exact; NumPy would round them.
    if int(values.max()) > highest or (values.dtype.kind != "u" and int(values.min()) < lowest):
        return None
    return values.astype(dtype)


def in_words(dtype: np.dtype[Any]) -> str:
    """Describe in words which numbers a dtype holds."""
    if dtype.kind in "iu":
        return f"whole numbers from {np.iinfo(dtype).min} to {np.iinfo(dtype).max}"
    return f"numbers that fit {dtype.name}"


def say_shape(shape: Sequence[int | None], item: object = 0.0) -> str:
    """Describe the shape of nested lists in words, or the type of `item` if it is not a list."""
    if len(shape) > MAX_SHOWN_DEPTH:
        return f"lists in each other, {len(shape)} deep"
    return f"shape {tuple(shape)}" if shape else name(item)
