"""A CSV body, its first line naming the columns, to a table's raw inputs."""

import csv
import io
from typing import Any

import numpy as np

from serving.codecs import tables
from serving.errors import ServiceError, nearest
from suite.artifact import TensorSpec
from suite.preprocessing.mirror import values

Columns = dict[str, list[str]]


def read(text: str) -> Columns:
    """The columns by name, as they are written; ServiceError 400."""
    try:
        # Spreadsheets put a mark before it. A field in quotes may have lines of its own.
        lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
        header, *rows = [row for row in csv.reader(lines, strict=True) if row] or [[]]
    except csv.Error as error:
        raise ServiceError(400, f"the body is no CSV ({error}): separate values by commas, quote as needed") from error
    if not header or not rows:
        raise ServiceError(400, "the CSV has no rows: name the columns in the first line, and add what to predict")
    if len(set(header)) < len(header):
        raise ServiceError(400, "a column of the CSV stands twice: write each once")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ServiceError(400, f"line {number} of the CSV has {len(row)} values where the first has {len(header)}")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def raw_inputs(columns: Columns, specs: list[TensorSpec], ignored: list[str]) -> dict[str, np.ndarray]:
    """Each column of the model as (N,) of its dtype; ServiceError 400."""
    known = [spec.name for spec in specs]
    unknown = [name for name in columns if name not in known and name not in ignored]
    if unknown:
        raise ServiceError(400, f"the model has no column '{unknown[0][:50]}': {nearest(unknown[0], known)}")
    rows = len(next(iter(columns.values())))
    return {
        spec.name: _column(columns[spec.name], spec) if spec.name in columns else tables.missing(spec, rows)
        for spec in specs
    }


def _column(texts: list[str], spec: TensorSpec) -> np.ndarray:
    found: list[Any] = []
    for row, text in enumerate(texts):
        try:
            found.append(_value(text, spec))
        except (ValueError, OverflowError) as error:
            place = f"row {row}, column '{spec.name}'"
            raise ServiceError(400, f"{place}: expected {tables.KINDS[spec.kind][0]}, found '{text[:50]}'") from error
    return np.array(found, object if spec.dtype == "string" else spec.dtype)


def _value(text: str, spec: TensorSpec) -> float | str:
    if spec.kind == "categorical":
        return "" if values.is_missing(text) else text
    if spec.kind == "date":
        return values.seconds(text, spec.format)
    return values.boolean(text) if spec.kind == "boolean" else tables.numeric(values.number(text), spec)
