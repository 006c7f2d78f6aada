"""The profiles of a table's columns, in one pass over batches, and their values, in a second."""

from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from suite.artifact import TensorSpec
from suite.data import arrow_types, formats, json_rows
from suite.data.column import NUMBER, Column
from suite.errors import SuiteError
from suite.preprocessing.mirror import numbers, values


def texts(column: Any) -> pa.Array:
    """A column as trimmed strings, with null for every spelling of a missing value."""
    strings = arrow_types.strings(column)
    missing = pc.is_in(pc.utf8_lower(strings), pa.array(sorted(values.MISSING)))
    return pc.if_else(missing, pa.scalar(None, pa.string()), strings)


def profile(source: formats.TableFile) -> dict[str, Column]:
    """The profile of every column of a file, in one pass over it."""
    profiles: dict[str, Column] = {}
    rows = 0
    for batch in formats.batches(source):
        for name in batch.schema.names:
            if name not in profiles:
                profiles[name] = Column(name, rows=rows, missing=rows)
            profiles[name].add(batch.column(name), is_plain(batch, name))
        rows += batch.num_rows
        for column in profiles.values():
            column.missing += rows - column.rows
            column.rows = rows
    if not rows:
        raise SuiteError(f"{source.name} has a header and no rows: add rows")
    _settle(profiles)
    return profiles


def is_plain(batch: Any, name: str) -> bool:
    """Whether the numbers in a column of text have a decimal point by the file's format, as in JSON."""
    return (batch.schema.field(name).metadata or {}).get(json_rows.PLAIN_NUMBERS) is not None


def form_of(spec: TensorSpec, batch: Any) -> str:
    """How the values of a model's column are written in a batch that has it."""
    return "" if spec.kind == "numeric" and is_plain(batch, spec.name) else spec.format


def _settle(profiles: dict[str, Column]) -> None:
    """Let columns that can be read in one way only decide how others are read."""
    has_comma = any(numbers.has_decimal_comma(column.form) for column in profiles.values() if column.kind == "numeric")
    orders = {column.date_orders[0] for column in profiles.values() if len(column.date_orders) == 1}
    for column in profiles.values():
        column.prefers_comma = has_comma
        column.date_order = "".join(orders) if len(orders) == 1 else ""


class GroupNumbers:
    """Group numbers of rows by a column's values; a row without a value is its own group."""

    def __init__(self, rows: int) -> None:
        self.numbers = np.empty(rows, np.int64)
        self._seen: dict[str, int] = {}
        self._next = 0

    def add(self, column: Any, rows: slice) -> None:
        """Number the rows of a batch; `column` is None if the batch lacks it."""
        count = rows.stop - rows.start
        self.numbers[rows] = [self._number(text) for text in (texts(column).to_pylist() if column else [None] * count)]

    def _number(self, text: str | None) -> int:
        number = self._next if text is None else self._seen.setdefault(text, self._next)
        self._next += number == self._next
        return number


def fill(kind: str, form: str, column: Any, target: np.ndarray, shared: dict[str, str]) -> int:
    """Write a batch's values into `target`; return how many are no numbers and became missing.

    Numbers that float32 does not hold become missing too. `shared` keeps one string object for each category.
    ValueError for a value that is no boolean or no date.
    """
    column = arrow_types.plain(column)
    if kind == "categorical":
        target[:] = [shared.setdefault(text, text) if text is not None else "" for text in texts(column).to_pylist()]
        return 0
    if kind == "text":
        target[:] = ["" if text is None else text for text in texts(column).to_pylist()]
        return 0
    if kind == "numeric" and arrow_types.is_number(column.type):
        target[:] = _held(arrow_types.floats(column))
        return 0
    if kind == "date" and arrow_types.is_date(column.type):
        target[:] = arrow_types.seconds(column)
        return 0
    strings = texts(column)
    if kind == "numeric":
        return _fill_numbers(strings, form, target)
    read = values.boolean if kind == "boolean" else lambda text: values.seconds(text, form)
    target[:] = [np.nan if text is None else read(text) for text in strings.to_pylist()]
    return 0


def _fill_numbers(strings: Any, form: str, target: np.ndarray) -> int:
    if form:
        read = [np.nan if text is None else numbers.read(text, form) for text in strings.to_pylist()]
        target[:] = _held(np.array(read, np.float64))
        return int(np.isnan(read).sum() - strings.null_count)
    good = pc.fill_null(pc.match_substring_regex(strings, NUMBER), False)
    plain = pc.utf8_lower(pc.if_else(good, strings, pa.scalar(None, pa.string()))).cast(pa.float64())
    target[:] = _held(plain.to_numpy(zero_copy_only=False))
    return int(len(strings) - strings.null_count - (pc.sum(good).as_py() or 0))


def _held(found: np.ndarray) -> np.ndarray:
    """The numbers that float32 holds, and NaN for others."""
    return np.where(np.abs(found) <= values.LARGEST, found, np.nan)
