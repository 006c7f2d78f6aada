"""The values of a model's columns in rows to predict; errors name the row and the column."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from suite.artifact import TensorSpec
from suite.data import arrow_types, columns
from suite.errors import SuiteError
from suite.preprocessing.mirror import values

WANTED = {"numeric": "a number", "boolean": "true or false", "date": "a date"}


def read(spec: TensorSpec, batch: Any, first: int) -> np.ndarray:
    is_text = spec.dtype == "string"
    # Not yet of its own dtype: numbers that float32 cannot hold are to be found, not to become infinite.
    target = np.full(batch.num_rows, "" if is_text else np.nan, object if is_text else np.float64)
    if spec.name in batch.schema.names:
        written = replace(spec, format=columns.form_of(spec, batch))
        _fill(written, arrow_types.plain(batch.column(spec.name)), target, first)
    return target if is_text else target.astype(spec.dtype, copy=False)


def _fill(spec: TensorSpec, column: Any, target: np.ndarray, first: int) -> None:
    """Write a column's values into the target; SuiteError names the row of one that cannot be read."""
    try:
        is_read = columns.fill(spec.kind, spec.format, column, target, {}) == 0
    except ValueError:
        is_read = False
    if spec.kind != "numeric":
        if not is_read:
            _refuse(spec, columns.texts(column).to_pylist(), first)
    elif arrow_types.is_number(column.type):
        given = arrow_types.floats(column)
        if (np.abs(given) > values.LARGEST).any():
            _refuse(spec, map(str, given), first)
    else:
        texts = columns.texts(column)
        # A number that became missing was infinite, or nearly.
        if not is_read or int(np.isnan(target).sum()) > texts.null_count:
            _refuse(spec, texts.to_pylist(), first)


def _refuse(spec: TensorSpec, cells: Iterable[str | None], first: int) -> NoReturn:
    """SuiteError for the first cell that cannot be read."""
    for row, text in enumerate(cells, first):
        try:
            values.cell(text or "", spec.kind, spec.format)
        except ValueError as error:
            raise SuiteError(
                f"row {row}, column '{spec.name}': {(text or '')[:50]!r} is not {WANTED[spec.kind]}"
                f"{f' as in {spec.format}' if spec.format else ''}: correct it or leave it empty"
            ) from error
    raise SuiteError(f"the column '{spec.name}' cannot be read: make it {WANTED[spec.kind]} in each row")
