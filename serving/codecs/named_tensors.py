"""Checks of inputs by name, given as arrays or JSON columns: their names, numbers of rows, shapes and dtypes."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import numpy as np
import simdjson

from serving.codecs import json_arrays as arrays
from serving.codecs.base import Limits, Named
from serving.codecs.json_types import name as name_of
from serving.codecs.json_types import unique_keys
from serving.errors import ServiceError, nearest
from serving.signature import Signature, Tensor
from suite.errors import shortened


def check_known(names: Iterable[str], signature: Signature) -> None:
    """Raise ServiceError 400 for an input that the model does not have."""
    unknown = next((name for name in names if name not in signature.inputs), None)
    if unknown is not None:
        hint = nearest(unknown, list(signature.inputs))
        raise ServiceError(400, f"the model has no input '{shortened(unknown)}': {hint}")


def check_complete(names: Container[str], signature: Signature) -> None:
    """Raise ServiceError 400 for an input of the model that is not given."""
    missing = next((name for name in signature.inputs if name not in names), None)
    if missing is not None:
        raise ServiceError(400, f"the input '{missing}' is missing: give every input")


def count_rows(given: Named, limits: Limits) -> int:
    """Return the number of rows; raise ServiceError 400 if inputs differ in it or have none, 413 if it is too large."""
    return _count({name: len(x) if x.ndim else 0 for name, x in given.items()}, limits)


def columns_by_name(given: Any, signature: Signature) -> dict[str, Any]:
    """Return JSON columns by input name; a column alone is that of the only input. Raise ServiceError 400."""
    if isinstance(given, simdjson.Object):
        names = unique_keys(given)
        check_known(names, signature)
        return {name: given[name] for name in names}
    if len(signature.inputs) > 1:
        raise ServiceError(400, f"'inputs' is {name_of(given)}: make it an object of columns by input name")
    return {next(iter(signature.inputs)): given}


def count_column_rows(columns: Mapping[str, Any], limits: Limits) -> int:
    """Return the number of rows of JSON columns; raise ServiceError 400 or 413."""
    for name, column in columns.items():
        if not isinstance(column, simdjson.Array) or not len(column):
            raise ServiceError(400, f"the input '{name}' is {name_of(column)}: make it a list of one value a row")
    return _count({name: len(column) for name, column in columns.items()}, limits)


def _count(counts: dict[str, int], limits: Limits) -> int:
    if not counts:
        raise ServiceError(400, "there are no inputs: give one or more")
    first, rows = next(iter(counts.items()))
    if not rows:
        raise ServiceError(400, f"the input '{first}' has no rows: add what to predict")
    for name, count in counts.items():
        if count != rows:
            raise ServiceError(400, f"the input '{name}' has {count} rows where others have {rows}")
    limits.check_rows(rows)
    return rows


def of_tensor(x: np.ndarray, tensor: Tensor, place: str) -> np.ndarray:
    """Convert an array to a tensor's dtype and shape; texts (N, 1) may become (N,). Raise ServiceError 400."""
    if x.dtype == object and x.ndim == 2 and x.shape[1] == 1 and tensor.shape is not None and len(tensor.shape) == 1:
        x = x[:, 0]
    expected = x.shape if tensor.shape is None else tensor.shape
    fits = len(expected) == x.ndim and all(a is None or a == b for a, b in zip(expected, x.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in expected)
        raise ServiceError(400, f"{place}: expected shape ({wanted}), found {x.shape}")
    return _cast(x, tensor.dtype, place)


def _cast(x: np.ndarray, dtype: str, place: str) -> np.ndarray:
    if (x.dtype == object) != (dtype == "string") or (x.dtype == bool) != (dtype == "bool"):
        raise ServiceError(400, f"{place}: expected {dtype}, found {'text' if x.dtype == object else x.dtype.name}")
    if dtype == "string" or x.dtype == np.dtype(dtype):
        return x
    cast = None if dtype == "bool" else arrays.narrow(x, np.dtype(dtype))
    if cast is None:
        raise ServiceError(400, f"{place}: expected {arrays.in_words(np.dtype(dtype))}, found others as {x.dtype.name}")
    return cast


def decoded_texts(x: np.ndarray, place: str) -> np.ndarray:
    """Return the array with bytes decoded from UTF-8; raise ServiceError 400."""
    found = np.empty(x.size, object)
    found[:] = [utf8(item, place) if isinstance(item, bytes) else item for item in x.ravel().tolist()]
    return found.reshape(x.shape)


def utf8(value: bytes, place: str) -> str:
    """Decode bytes from UTF-8; raise ServiceError 400."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ServiceError(400, f"{place}: its bytes are no text in UTF-8 ({error.reason}): encode them so") from error
