"""What the values of a table's column are: found out in one pass, a batch at a time."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from suite.preprocessing.mirror import values

DISTINCT = 1_000
NUMBER = r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|Inf(inity)?)$"
DIGITS = re.compile(r"\d")
IDENTIFIER = re.compile(r"(^|_|\b)(id|uuid|guid|key|number|no|nr)$", re.IGNORECASE)
CAMEL_IDENTIFIER = re.compile(r"[a-z](Id|ID)$")
# A column of numbers with a few slips in it is still one of numbers; the slips count as missing, and are told.
SLIPS = 0.01


def texts(column: Any) -> pa.Array:
    """A column as trimmed strings, every spelling of missing as null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        whole = pc.equal(column, pc.round(column))
        column = pc.if_else(whole, pc.cast(column, pa.int64(), safe=False).cast(pa.string()), column.cast(pa.string()))
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    missing = pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(values.MISSING)))
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def is_number_type(kind: Any) -> bool:
    """Whether Arrow already holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


@dataclass
class Column:
    """A column's profile; `distinct` stops growing once there are more than 1,000 values."""

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
        """Take a batch's values into account."""
        self.rows += len(column)
        if pa.types.is_temporal(column.type):
            self.native_date = True
            self.missing += column.null_count
            self._count(column.drop_null().cast(pa.string()))
            return
        numbers = column.cast(pa.float64()) if is_number_type(column.type) else None
        if numbers is None or self._open():
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

    def _open(self) -> bool:
        return len(self.distinct) <= DISTINCT

    def _count(self, strings: Any) -> None:
        if self._open():
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
        """How many values are there."""
        return self.rows - self.missing

    @property
    def kind(self) -> str:
        """numeric, boolean, categorical or date; or why it is of no use: constant, identifier or text."""
        if not self.known or (len(self.distinct) == 1 and not self.missing):
            return "constant"
        lower = {value.lower() for value in self.distinct}
        if self._open() and len(lower) == 2 and lower <= values.TRUE | values.FALSE:
            return "boolean"
        if self.numbers >= self.known * (1 - SLIPS):
            named = IDENTIFIER.search(self.name) or CAMEL_IDENTIFIER.search(self.name)
            many = len(self.distinct) > min(DISTINCT, self.known // 2)
            return "identifier" if self.whole and many and (named or self.rising) else "numeric"
        if self.native_date or self.date_formats:
            return "date"
        if not self._open() or len(self.distinct) > max(20, self.known // 2):
            return "identifier" if self.length < 40 * self.known else "text"
        return "categorical"


def _is_date(text: str, form: str) -> bool:
    # Eight bare digits are a number to most people, though ISO 8601 allows them as a date.
    if len(text) < 8 or (not DIGITS.match(text[-1:]) and not text.endswith("Z")) or text.isdigit():
        return False
    try:
        values.seconds(text, form)
    except (ValueError, OverflowError):
        return False
    return True


class Groups:
    """The rows of a column numbered by its values; a row without one is a group of its own."""

    def __init__(self, rows: int) -> None:
        self.numbers = np.empty(rows, np.int64)
        self._seen: dict[str, int] = {}
        self._next = 0

    def add(self, column: Any, rows: slice) -> None:
        """Number a batch, or rows of a batch that lacks the column (None)."""
        count = rows.stop - rows.start
        self.numbers[rows] = [self._number(text) for text in (texts(column).to_pylist() if column else [None] * count)]

    def _number(self, text: str | None) -> int:
        number = self._next if text is None else self._seen.setdefault(text, self._next)
        self._next += number == self._next
        return number


def fill(kind: str, date_format: str, column: Any, target: np.ndarray, shared: dict[str, str]) -> int:
    """Write a batch's values into `target`; return how many could not be read and became missing.

    `shared` keeps one string object for each category.
    """
    if kind == "categorical":
        target[:] = [shared.setdefault(text, text) if text is not None else "" for text in texts(column).to_pylist()]
        return 0
    if kind == "numeric" and is_number_type(column.type):
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        target[:] = np.where(np.isfinite(numbers), numbers, np.nan)
        return 0
    if kind == "date" and pa.types.is_temporal(column.type):
        # Through milliseconds and not microseconds: dates far away do not fit into the latter.
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
