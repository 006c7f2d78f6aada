"""Rows of a table: objects by column name, to one array a column."""

from collections.abc import Callable
from typing import Any

import numpy as np

from serving.codecs.json_types import OBJECT, name, whole
from serving.errors import ServiceError, nearest
from suite.artifact import TensorSpec
from suite.preprocessing.mirror import values

LARGEST = float(np.finfo(np.float32).max)
MISSING: dict[str, float | str] = {"categorical": ""}
NAMED = 5


def read(instances: Any, specs: list[TensorSpec], ignored: list[str]) -> dict[str, np.ndarray]:
    """Each column as (N,) of its dtype, missing where a row lacks it or has null; ServiceError 400."""
    rows = len(instances)
    kinds = {spec.name: spec for spec in specs}
    columns: dict[str, list[float | str]] = {spec.name: [MISSING.get(spec.kind, np.nan)] * rows for spec in specs}
    for index, item in enumerate(instances):
        if not isinstance(item, OBJECT):
            raise ServiceError(400, f"instance {index}: expected an object by column name, found {name(item)}")
        keys = list(item)
        if not kinds.keys() >= set(keys):
            unknown = [key for key in keys if key not in kinds and key not in ignored]
            if unknown:
                raise _unknown(index, unknown, list(kinds))
            keys = [key for key in keys if key in kinds]
        # Not items(): that would make Python lists of whatever a hostile row nests.
        for key in keys:
            value = item[key]
            if value is not None:
                columns[key][index] = _convert(value, kinds[key], index)
    return _arrays(columns, specs)


def column(values: list[Any], spec: TensorSpec) -> np.ndarray:
    """A column (N,) of its dtype from one value a row, None or a number that is none where it is missing."""
    missing = MISSING.get(spec.kind, np.nan)
    found = [
        missing if value is None or value != value else _convert(value, spec, index)
        for index, value in enumerate(values)
    ]
    return _array(found, spec.dtype)


def missing(spec: TensorSpec, rows: int) -> np.ndarray:
    """A column that nobody gave."""
    return _array([MISSING.get(spec.kind, np.nan)] * rows, spec.dtype)


def _unknown(index: int, found: list[str], columns: list[str]) -> ServiceError:
    shown = ", ".join(f"'{key[:50]}'" for key in found[:NAMED]) + (" and more" if len(found) > NAMED else "")
    return ServiceError(400, f"instance {index}: the model has no column {shown}: {nearest(found[0], columns)}")


def _convert(value: Any, spec: TensorSpec, index: int) -> float | str:
    wanted, convert = KINDS[spec.kind]
    try:
        return convert(value, spec)
    except (ValueError, OverflowError) as error:
        found = f"'{value[:50]}'" if isinstance(value, str) else str(value) if _is_number(value) else name(value)
        message = f"instance {index}, column '{spec.name}': expected {wanted}, found {found}"
        raise ServiceError(400, message) from error


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def numeric(value: Any, spec: TensorSpec) -> float:
    """A number that a column may hold; ValueError for anything else."""
    if not _is_number(value) or abs(value) > LARGEST:
        raise ValueError
    return float(value)


def _boolean(value: Any, spec: TensorSpec) -> float:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise ValueError


def _date(value: Any, spec: TensorSpec) -> float:
    if isinstance(value, str):
        if values.is_missing(value):  # what JSON has null for
            raise ValueError
        return values.seconds(value, spec.format)
    if not _is_number(value):
        raise ValueError
    return float(value)


def _categorical(value: Any, spec: TensorSpec) -> str:
    # A code that looks like a number (a postcode) may come as one.
    code = value if isinstance(value, str) else whole(value)
    if code is None:
        raise ValueError
    return str(code)


KINDS: dict[str, tuple[str, Callable[[Any, TensorSpec], float | str]]] = {
    "numeric": ("a number", numeric),
    "boolean": ("true or false", _boolean),
    "date": ("an ISO 8601 date or seconds since 1970", _date),
    "categorical": ("text", _categorical),
}


def _arrays(columns: dict[str, list[float | str]], specs: list[TensorSpec]) -> dict[str, np.ndarray]:
    """An array a column; those of one dtype are made at once."""
    found: dict[str, np.ndarray] = {}
    for dtype in {spec.dtype for spec in specs}:
        names = [spec.name for spec in specs if spec.dtype == dtype]
        found |= zip(names, _array([columns[name] for name in names], dtype), strict=True)
    return {spec.name: found[spec.name] for spec in specs}


def _array(column: list[Any], dtype: str) -> np.ndarray:
    return np.array(column, object if dtype == "string" else dtype)
