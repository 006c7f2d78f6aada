"""Whole arrays by input name, as binary protocols and columns of JSON give them, to a model's raw inputs."""

from collections.abc import Container, Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from serving.codecs import images, tables, texts
from serving.codecs import json_arrays as arrays
from serving.errors import ServiceError, nearest
from serving.signature import Signature, Tensor
from suite.artifact import Card, TensorSpec

Named = Mapping[str, np.ndarray]


def read(given: Named, card: Card | None, signature: Signature, max_elements: int) -> dict[str, np.ndarray]:
    """Raw inputs from arrays (N, ...) of any number dtype, of bool, or of object holding bytes or text.

    Of a table columns may be left out. ServiceError 400 or 413 for what does not suit the model exactly.
    """
    check_known(given, signature)
    rows = count_rows(given)
    kind = card.preprocessing["kind"] if card else ""
    if card and kind == "table":
        return {spec.name: _column(given.get(spec.name), spec, rows) for spec in card.inputs}
    check_complete(given, signature)
    if kind == "image":
        name, tensor = next(iter(signature.inputs.items()))
        return {name: _pictures(given[name], tensor, max_elements)}
    found = {name: _tensor(given[name], tensor, f"input '{name}'") for name, tensor in signature.inputs.items()}
    return {name: _texts(x, f"input '{name}'") for name, x in found.items()} if kind == "text" else found


def check_known(names: Iterable[str], signature: Signature) -> None:
    """ServiceError 400 for an input that the model does not have."""
    unknown = [name for name in names if name not in signature.inputs]
    if unknown:
        raise ServiceError(
            400, f"the model has no input '{unknown[0][:50]}': {nearest(unknown[0], list(signature.inputs))}"
        )


def check_complete(names: Container[str], signature: Signature) -> None:
    """ServiceError 400 for an input of the model that is not given."""
    missing = [name for name in signature.inputs if name not in names]
    if missing:
        raise ServiceError(400, f"the input '{missing[0]}' is missing: give every input")


def count_rows(given: Named) -> int:
    """How many rows all inputs have; ServiceError 400 where they differ, or there are none."""
    if not given:
        raise ServiceError(400, "there are no inputs: give one or more")
    counts = {name: len(x) if x.ndim else 0 for name, x in given.items()}
    rows = next(iter(counts.values()))
    if not rows:
        raise ServiceError(400, f"the input '{next(iter(counts))}' has no rows: add what to predict")
    for name, count in counts.items():
        if count != rows:
            raise ServiceError(400, f"the input '{name}' has {count} rows where others have {rows}")
    return rows


def _pictures(x: np.ndarray, tensor: Tensor, max_elements: int) -> np.ndarray:
    assert tensor.shape is not None
    shape = tuple(length or 0 for length in tensor.shape[1:])
    if x.dtype == object:
        if x.size != len(x):
            raise ServiceError(400, f"the pictures: expected one file a row, found shape {x.shape}")
        if len(x) * prod(shape) > max_elements:
            raise ServiceError(413, f"{len(x):,} pictures of {shape} in one request: send fewer")
        return np.stack([_picture(item, shape, f"row {i}") for i, item in enumerate(x.reshape(-1))])
    if shape[2] == 1 and x.shape[1:] == shape[:2]:
        x = x[..., np.newaxis]
    return _tensor(x, tensor, "the pictures")


def _picture(item: bytes | str, shape: tuple[int, ...], place: str) -> np.ndarray:
    """A file as its bytes, or in base64."""
    return images.decode(arrays.from_base64(item, place) if isinstance(item, str) else item, shape, place)


def _tensor(x: np.ndarray, tensor: Tensor, place: str) -> np.ndarray:
    """The array in the tensor's dtype, of its shape; texts may stand in a column of one."""
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
        raise ServiceError(400, f"{place}: expected {dtype}, found {_dtype(x)}")
    if dtype == "string" or x.dtype == np.dtype(dtype):
        return x
    cast = None if dtype == "bool" else arrays.narrow(x, np.dtype(dtype))
    if cast is None:
        raise ServiceError(400, f"{place}: expected {arrays.in_words(np.dtype(dtype))}, found others as {_dtype(x)}")
    return cast


def _texts(x: np.ndarray, place: str) -> np.ndarray:
    decoded = [texts.utf8(item, place) if isinstance(item, bytes) else item for item in x.ravel().tolist()]
    found = np.empty(len(decoded), object)
    found[:] = decoded
    return found.reshape(x.shape)


def _dtype(x: np.ndarray) -> str:
    return "text" if x.dtype == object else x.dtype.name


def _column(x: np.ndarray | None, spec: TensorSpec, rows: int) -> np.ndarray:
    """A column of a table: numbers as they are, where that is what it holds, else value by value."""
    if x is None:
        return tables.missing(spec, rows)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    place = f"column '{spec.name}'"
    if x.ndim != 1:
        raise ServiceError(400, f"{place}: expected one value a row, found shape {x.shape}")
    values: Any = _texts(x, place).tolist() if x.dtype == object else x.tolist()
    return tables.column(values, spec)
