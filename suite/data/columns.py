"""The kinds of a table's columns, detected in one pass over batches, and their values."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from suite.data import formats
from suite.errors import SuiteError
from suite.preprocessing.mirror import values

MAX_DISTINCT = 1_000
NUMBER = r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|Inf(inity)?)$"
DIGITS = re.compile(r"\d")
IDENTIFIER = re.compile(r"(^|_|\b)(id|uuid|guid|key|number|no|nr)$", re.IGNORECASE)
CAMEL_IDENTIFIER = re.compile(r"[a-z](Id|ID)$")
# A column is numeric even if at most this share of its values are no numbers; those count as missing, with a note.
MAX_NON_NUMERIC_SHARE = 0.01
# A column with more distinct values than this, and than half of its rows, is an identifier or text.
MAX_CATEGORIES = 20
MIN_TEXT_LENGTH = 40


def texts(column: Any) -> pa.Array:
    """A column as trimmed strings, with null for every spelling of a missing value."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        whole = pc.equal(column, pc.round(column))
        column = pc.if_else(whole, pc.cast(column, pa.int64(), safe=False).cast(pa.string()), column.cast(pa.string()))
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    missing = pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(values.MISSING)))
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def is_number_type(kind: Any) -> bool:
    """Whether an Arrow type is numeric."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


@dataclass
class Column:
    """A column's profile; `distinct` counts values, up to the first 1,000 or so."""

    name: str
    rows: int = 0
    missing: int = 0
    numbers: int = 0
    infinite: int = 0
    whole: bool = True
    rising: bool = True
    native_date: bool = False
    last: float = -np.inf
    length: int = 0
    distinct: dict[str, int] = field(default_factory=dict)
    date_formats: tuple[str, ...] = values.DATE_FORMATS

    def add(self, column: Any) -> None:
        """Add a batch's values to the profile."""
        self.rows += len(column)
        if pa.types.is_temporal(column.type):
            self.native_date = True
            self.missing += column.null_count
            self._count(column.drop_null().cast(pa.string()))
            return
        numbers = column.cast(pa.float64()) if is_number_type(column.type) else None
        if numbers is None or self._counts_distinct():
            strings = texts(column).drop_null()
            self._count(strings)
            self.length += pc.sum(pc.utf8_length(strings)).as_py() or 0
        if numbers is not None:
            known = numbers.drop_null().to_numpy(zero_copy_only=False)
            known = known[~np.isnan(known)]
            self.missing += len(column) - len(known)
            self._numeric(known)
            self.date_formats = ()
        else:
            self.missing += len(column) - len(strings)
            matching = strings.filter(pc.match_substring_regex(strings, NUMBER))
            self._numeric(matching.cast(pa.float64()).to_numpy(zero_copy_only=False))
            self._dates(strings)

    def _counts_distinct(self) -> bool:
        return len(self.distinct) <= MAX_DISTINCT

    def _count(self, strings: Any) -> None:
        if self._counts_distinct():
            for entry in pc.value_counts(strings).to_pylist():
                self.distinct[entry["values"]] = self.distinct.get(entry["values"], 0) + entry["counts"]

    def _numeric(self, known: np.ndarray) -> None:
        self.numbers += len(known)
        if not len(known):
            return
        self.infinite += int(np.isinf(known).sum())
        finite = known[np.isfinite(known)]
        self.whole &= bool((finite == np.round(finite)).all())
        self.rising &= bool((np.diff(known) > 0).all() and known[0] > self.last)
        self.last = float(known[-1])

    def _dates(self, strings: Any) -> None:
        if self.date_formats and len(strings):
            sample = strings.to_pylist()
            self.date_formats = tuple(
                form for form in self.date_formats if all(_is_date(text, form) for text in sample)
            )

    @property
    def known(self) -> int:
        """The number of values that are not missing."""
        return self.rows - self.missing

    @property
    def kind(self) -> str:
        """numeric, boolean, categorical or date; or, for a column of no use: constant, identifier or text."""
        if not self.known or (len(self.distinct) == 1 and not self.missing):
            return "constant"
        lower = {value.lower() for value in self.distinct}
        if self._counts_distinct() and len(lower) == 2 and lower <= values.TRUE | values.FALSE:
            return "boolean"
        if self.numbers >= self.known * (1 - MAX_NON_NUMERIC_SHARE):
            named_so = IDENTIFIER.search(self.name) or CAMEL_IDENTIFIER.search(self.name)
            many = len(self.distinct) > min(MAX_DISTINCT, self.known // 2)
            return "identifier" if self.whole and many and (named_so or self.rising) else "numeric"
        if self.native_date or self.date_formats:
            return "date"
        if not self._counts_distinct() or len(self.distinct) > max(MAX_CATEGORIES, self.known // 2):
            return "identifier" if self.length < MIN_TEXT_LENGTH * self.known else "text"
        return "categorical"


def profile(source: formats.TableFile) -> dict[str, Column]:
    """The profile of every column of a file, in one pass over it."""
    profiles: dict[str, Column] = {}
    rows = 0
    for batch in formats.batches(source):
        for name in batch.schema.names:
            if name not in profiles:
                profiles[name] = Column(name, rows=rows, missing=rows)
            profiles[name].add(batch.column(name))
        rows += batch.num_rows
        for column in profiles.values():
            column.missing += rows - column.rows
            column.rows = rows
    if not rows:
        raise SuiteError(f"{source.name} has a header and no rows: add rows")
    return profiles


def _is_date(text: str, form: str) -> bool:
    # ISO 8601 allows eight digits as a date, but most people mean a number.
    if len(text) < 8 or (not DIGITS.match(text[-1:]) and not text.endswith("Z")) or text.isdigit():
        return False
    try:
        values.seconds(text, form)
    except (ValueError, OverflowError):
        return False
    return True


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


def fill(kind: str, date_format: str, column: Any, target: np.ndarray, shared: dict[str, str]) -> int:
    """Write a batch's values into `target`; return how many are no numbers and became missing.

    `shared` keeps one string object for each category. ValueError for a value that is no boolean or no date.
    """
    if kind == "categorical":
        target[:] = [shared.setdefault(text, text) if text is not None else "" for text in texts(column).to_pylist()]
        return 0
    if kind == "numeric" and is_number_type(column.type):
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        target[:] = np.where(np.isfinite(numbers), numbers, np.nan)
        return 0
    if kind == "date" and pa.types.is_temporal(column.type):
        # Milliseconds, since distant dates do not fit into microseconds.
        stamps = column.cast(pa.timestamp("ms")).cast(pa.int64()).cast(pa.float64(), safe=False)
        target[:] = stamps.to_numpy(zero_copy_only=False) / 1000
        return 0
    strings = texts(column)
    if kind == "numeric":
        good = pc.fill_null(pc.match_substring_regex(strings, NUMBER), False)
        numbers = (
            pc.if_else(good, strings, pa.scalar(None, pa.string())).cast(pa.float64()).to_numpy(zero_copy_only=False)
        )
        target[:] = np.where(np.isfinite(numbers), numbers, np.nan)
        return int(len(strings) - strings.null_count - (pc.sum(good).as_py() or 0))
    read = values.boolean if kind == "boolean" else lambda text: values.seconds(text, date_format)
    target[:] = [np.nan if text is None else read(text) for text in strings.to_pylist()]
    return 0
