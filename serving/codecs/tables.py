"""The codec for models that take a table's columns by name, given as JSON objects, columns, arrays or CSV."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import simdjson

from serving.codecs import named_tensors as named
from serving.codecs.base import Arrays, CardCodec, Limits, Named, numbered
from serving.codecs.json_types import as_integer, check_unique_keys, name, unique_keys
from serving.codecs.payload import Payload, Table
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.signature import Signature
from suite.artifact import Card, TensorSpec
from suite.errors import shortened
from suite.preprocessing.mirror import dates, values

NUMBERS = frozenset((int, float, type(None)))


class TableCodec(CardCodec):
    """Decodes each column to (N,) of its dtype. A missing cell (left out or null) becomes NaN or an empty text."""

    kind = "table"

    def __init__(self, card: Card, signature: Signature, limits: Limits) -> None:
        super().__init__(card, signature, limits)
        self._specs = {spec.name: spec for spec in card.inputs}
        self._ignored = frozenset(card.ignored)
        self._numeric = [spec.name for spec in card.inputs if spec.kind == "numeric"]
        # Most models have numbers of one type, which are converted at once.
        self._wide = any(self._specs[key].dtype != "float32" for key in self._numeric)
        self._others = [spec.name for spec in card.inputs if spec.kind != "numeric"]

    def decode_named(self, tensors: Named, deadline: Deadline) -> Arrays:
        named.check_known(tensors, self._signature)
        rows = self._checked(named.count_rows(tensors, self._limits))
        return {
            key: _of_array(tensors[key], spec, deadline) if key in tensors else _missing(spec, rows)
            for key, spec in self._specs.items()
        }

    def decode_columns(self, columns: Any, deadline: Deadline) -> Arrays:
        if not isinstance(columns, simdjson.Object):
            raise ServiceError(400, f"'inputs' is {name(columns)}: make it an object of columns by input name")
        found = named.columns_by_name(columns, self._signature)
        rows = self._checked(named.count_column_rows(found, self._limits))
        return {
            key: _column(list(found[key]), spec, deadline) if key in found else _missing(spec, rows)
            for key, spec in self._specs.items()
        }

    def _decode_instances(self, payload: Payload, deadline: Deadline) -> Arrays:
        self._checked(payload.rows)
        numbers: list[tuple[Any, ...]] = []
        others: list[tuple[Any, ...]] = []
        for index, item in numbered(payload.instances, deadline):
            row = self._row(payload, item, index)
            numbers.append(tuple(map(row.get, self._numeric)))
            others.append(tuple(map(row.get, self._others)))
        found = self._numeric_columns(numbers, deadline) if self._numeric else {}
        for key, cells in zip(self._others, zip(*others, strict=True), strict=True):
            found[key] = _column(cells, self._specs[key], deadline)
        return {key: found[key] for key in self._specs} if self._others else found

    def _decode_table(self, payload: Payload, table: Table, deadline: Deadline) -> Arrays:
        self.pass_over(payload, table.keys(), "the CSV")
        rows = self._checked(len(next(iter(table.values()))))
        return {
            key: _of_text(table[key], spec, deadline) if key in table else _missing(spec, rows)
            for key, spec in self._specs.items()
        }

    def _checked(self, rows: int) -> int:
        if rows * len(self._specs) > self._limits.elements:
            most = self._limits.elements // len(self._specs)
            raise ServiceError(413, f"{rows:,} rows of {len(self._specs):,} columns: send at most {most:,} rows")
        return rows

    def _row(self, payload: Payload, item: Any, index: int) -> dict[str, Any]:
        """Return the values of a row by column; raise ServiceError 400 for duplicate keys."""
        if isinstance(item, simdjson.Object):
            row: dict[str, Any] = item.as_dict()
            if len(row) != len(item):
                unique_keys(item)
        elif isinstance(item, dict):
            row = item
        else:
            raise ServiceError(400, f"instance {index}: expected an object by column name, found {name(item)}")
        if not row.keys() <= self._specs.keys():
            self.pass_over(payload, row.keys(), f"instance {index}")
            if isinstance(item, simdjson.Object):
                nested = [key for key in row if key not in self._specs and isinstance(row[key], dict | list)]
                check_unique_keys(item, nested)
        return row

    def pass_over(self, payload: Payload, found: Collection[str], place: str) -> None:
        """Note columns that the model does not use; raise ServiceError 400 for these alone, or if it is strict."""
        payload.pass_over(found, self._specs, place, self._ignored)

    def _numeric_columns(self, rows: list[tuple[Any, ...]], deadline: Deadline) -> Arrays:
        """Convert all numeric columns at once."""
        found = _numbers(rows, map(type, chain.from_iterable(rows)))
        if found is None:
            columns = zip(self._numeric, zip(*rows, strict=True), strict=True)
            return {key: _column(cells, self._specs[key], deadline) for key, cells in columns}
        if self._wide:
            return {key: x.astype(self._specs[key].dtype) for key, x in zip(self._numeric, found.T, strict=True)}
        return dict(zip(self._numeric, found.T.astype(np.float32), strict=True))


def _numbers(cells: Any, kinds: Iterable[type]) -> np.ndarray | None:
    """Convert cells of these types to float64; return None if one is no number and not missing, or too large."""
    # Check types first, because NumPy would also convert text and booleans.
    if not NUMBERS.issuperset(kinds):
        return None
    found = np.array(cells, np.float64)
    return None if (np.abs(found) > values.LARGEST).any() else found


def _column(cells: Sequence[Any], spec: TensorSpec, deadline: Deadline) -> np.ndarray:
    """Convert a column of JSON values, in which missing ones are None or NaN."""
    numbers = _numbers(cells, map(type, cells)) if spec.kind == "numeric" else None
    if numbers is not None:
        return numbers.astype(spec.dtype)
    found = [_converted(cell, spec, index) for index, cell in numbered(cells, deadline)]
    return np.array(found, object if spec.dtype == "string" else spec.dtype)


def _of_array(x: np.ndarray, spec: TensorSpec, deadline: Deadline) -> np.ndarray:
    """Convert a column of a tensor: numbers at once, other values cell by cell."""
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    place = f"column '{spec.name}'"
    if x.ndim != 1:
        raise ServiceError(400, f"{place}: expected one value a row, found shape {x.shape}")
    if spec.kind == "numeric" and x.dtype.kind in "iuf" and not (np.abs(x.astype(np.float64)) > values.LARGEST).any():
        return x.astype(spec.dtype)
    return _column((named.decoded_texts(x, place) if x.dtype == object else x).tolist(), spec, deadline)


def _of_text(cells: list[str], spec: TensorSpec, deadline: Deadline) -> np.ndarray:
    """Convert a column of CSV text."""
    found: list[Any] = []
    for row, text in numbered(cells, deadline):
        try:
            found.append(values.cell(text, spec.kind, spec.format))
        except (ValueError, OverflowError) as error:
            place = f"row {row}, column '{spec.name}'"
            raise ServiceError(400, f"{place}: expected {_wanted(spec)}, found '{shortened(text)}'") from error
    return np.array(found, object if spec.dtype == "string" else spec.dtype)


def _missing(spec: TensorSpec, rows: int) -> np.ndarray:
    """Return a column in which all cells are missing."""
    return np.full(rows, "", object) if spec.dtype == "string" else np.full(rows, np.nan, spec.dtype)


def _converted(cell: Any, spec: TensorSpec, index: int) -> float | str:
    if cell is None or cell != cell:
        return "" if spec.dtype == "string" else math.nan
    try:
        return CONVERT[spec.kind](cell, spec)
    except (ValueError, OverflowError) as error:
        found = f"'{shortened(cell)}'" if isinstance(cell, str) else str(cell) if _is_number(cell) else name(cell)
        message = f"instance {index}, column '{spec.name}': expected {_wanted(spec)}, found {found}"
        raise ServiceError(400, message) from error


def _wanted(spec: TensorSpec) -> str:
    """Return what a column takes, with its form of numbers or dates if it has one."""
    return f"{WANTED[spec.kind]}, or text as in {spec.format}" if spec.format else WANTED[spec.kind]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _numeric(value: Any, spec: TensorSpec) -> float:
    # JSON has numbers, but people who write them in a form of their own send them so.
    if isinstance(value, str) and spec.format and not values.is_missing(value):
        return values.number(value, spec.format)
    if not _is_number(value) or abs(value) > values.LARGEST:
        raise ValueError
    return float(value)


def _boolean(value: Any, spec: TensorSpec) -> float:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise ValueError


def _date(value: Any, spec: TensorSpec) -> float:
    if isinstance(value, str):
        if values.is_missing(value):  # JSON has null for missing values
            raise ValueError
        return values.seconds(value, spec.format)
    if not _is_number(value):
        raise ValueError
    return dates.of_number(float(value))


def _categorical(value: Any, spec: TensorSpec) -> str:
    # A code that looks like a number (such as a postcode) may be sent as one.
    code = value if isinstance(value, str) else as_integer(value)
    if code is None:
        raise ValueError
    return values.category(str(code))


def _text(value: Any, spec: TensorSpec) -> str:
    if not isinstance(value, str):
        raise ValueError
    return values.category(value)


CONVERT: dict[str, Callable[[Any, TensorSpec], float | str]] = {
    "numeric": _numeric, "boolean": _boolean, "date": _date, "categorical": _categorical,
    "text": _text,
}  # fmt: skip
WANTED = {
    "numeric": "a number",
    "boolean": "true or false",
    "date": "an ISO 8601 date or seconds since 1970",
    "categorical": "text",
    "text": "text",
}
