"""A column's profile: what its values are, gathered batch by batch."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from suite.data import arrow_types, evidence
from suite.data.evidence import DateForms, NumberForms, RowOrder
from suite.preprocessing.mirror import dates, numbers, values
from suite.preprocessing.mirror.text import ALONE

MAX_DISTINCT = 1_000
NUMBER = f"^(?:{numbers.NUMBER}|{numbers.INFINITY})$"
IDENTIFIER = re.compile(r"(^|_|\b)(id|uuid|guid|key|number|no|nr)$", re.IGNORECASE)
CAMEL_IDENTIFIER = re.compile(r"[a-z](Id|ID)$")
# As pandas names the index that it writes, and what else numbers rows from 0 or 1.
PANDAS_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")
ROW_NUMBER = re.compile(r"|column \d+|index|idx|row|rownames|row[ _]?(number|num|no|id)", re.IGNORECASE)
# Of columns whose numbers are dates.
MOMENT = re.compile(r"(^|_|\b)(time|timestamp|date|datetime|ts|at|day|epoch)(_|\b|$)", re.IGNORECASE)
CAMEL_MOMENT = re.compile(r"[a-z](Time|Timestamp|Date|At|Day)$")
FIRST_MOMENT, LAST_MOMENT = 631_152_000, 4_102_444_800  # 1990 and 2100, in seconds since 1970
# A column is numeric even if at most this share of its values are no numbers; those count as missing, with a note.
MAX_NON_NUMERIC_SHARE = 0.01
# A column with more distinct values than this, and than half of its rows, is an identifier or text.
MAX_CATEGORIES = 20
# It is text if its values have so many words on average; in scripts without spaces, a word has about two characters.
MIN_WORDS, VALUES_ASKED = 3, 200
WITHOUT_SPACES = re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in ALONE) + "]")
# The share of a number by which float32 may change it.
FLOAT32_ROUNDING = 2.0**-24


@dataclass
class Column:
    """A column's profile; `distinct` counts values, up to the first 1,000 or so, and `spellings` missing words too.

    `numbers` counts plain numbers, `beyond` the finite ones that float32 does not hold; `rounding` is the most that
    float32 changes one, and `first_spread` how far the first ones differ. `prefers_comma` and `date_order` are what
    other columns say where a column's own values do not.
    """

    name: str
    rows: int = 0
    missing: int = 0
    numbers: int = 0
    infinite: int = 0
    beyond: int = 0
    whole: bool = True
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    squares: float = 0.0
    rounding: float = 0.0
    first_spread: float | None = None
    native_date: bool = False
    unlearnable: str = ""
    length: int = 0
    distinct: dict[str, int] = field(default_factory=dict)
    spellings: dict[str, int] = field(default_factory=dict)
    order: RowOrder = field(default_factory=RowOrder)
    number_forms: NumberForms = field(default_factory=NumberForms)
    date_forms: DateForms = field(default_factory=DateForms)
    prefers_comma: bool = False
    date_order: str = ""

    def add(self, column: Any, is_plain: bool = False) -> None:
        """Add a batch's values to the profile; numbers in text have a decimal point if `is_plain`."""
        column = arrow_types.plain(column)
        self.rows += len(column)
        if not arrow_types.is_learnable(column.type):
            self.unlearnable = str(column.type)
            self.missing += len(column)
        elif arrow_types.is_date(column.type):
            self.native_date = True
            moments = arrow_types.seconds(column.drop_null())
            self.missing += column.null_count
            self.order.add(moments)
            self._count(pa.array(moments).cast(pa.string()))
        elif arrow_types.is_number(column.type):
            self._add_numbers(column)
        else:
            self._add_strings(column, is_plain)

    def _add_numbers(self, column: Any) -> None:
        if self._counts_distinct():
            strings = arrow_types.strings(column).drop_null()
            self._count(strings)
            self.length += pc.sum(pc.utf8_length(strings)).as_py() or 0
        known = arrow_types.floats(column.drop_null())
        known = known[~np.isnan(known)]
        self.missing += len(column) - len(known)
        self._numeric(known)
        self.number_forms.counts.update(dict.fromkeys(numbers.STYLES, len(known)))
        if len(known):
            self.date_forms.orders.clear()

    def _add_strings(self, column: Any, is_plain: bool) -> None:
        strings = arrow_types.strings(column).drop_null()
        self._count(strings)
        known = strings.filter(pc.invert(pc.is_in(pc.utf8_lower(strings), pa.array(sorted(values.MISSING)))))
        self.missing += len(column) - len(known)
        self.length += pc.sum(pc.utf8_length(known)).as_py() or 0
        plain = known.filter(pc.match_substring_regex(known, NUMBER))
        self._numeric(pc.utf8_lower(plain).cast(pa.float64()).to_numpy(zero_copy_only=False))
        self.date_forms.add(known)
        # Dates may look like numbers, but are none; infinity is written alike in every form.
        asks = not is_plain and not self.date_forms.possible
        alike = len(plain) - (self.number_forms.add(known) if asks else 0)
        self.number_forms.counts.update(dict.fromkeys(numbers.STYLES, alike))

    def _counts_distinct(self) -> bool:
        return len(self.distinct) <= MAX_DISTINCT

    def _count(self, strings: Any) -> None:
        """Count values, while there are few."""
        if not self._counts_distinct():
            return
        for entry in pc.value_counts(strings).to_pylist():
            text, count = entry["values"], entry["counts"]
            self.spellings[text] = self.spellings.get(text, 0) + count
            if text.lower() not in values.MISSING:
                self.distinct[text] = self.distinct.get(text, 0) + count

    def _numeric(self, known: np.ndarray) -> None:
        self.numbers += len(known)
        held = np.abs(known) <= values.LARGEST
        self.infinite += int(np.isinf(known).sum())
        self.beyond += int((~held & np.isfinite(known)).sum())
        self.order.add(known)
        finite = known[held]
        if not len(finite):
            return
        if self.first_spread is None:
            self.first_spread = evidence.spread(finite)
        self.whole &= bool((finite == np.round(finite)).all())
        self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        self.total += float(finite.sum())
        self.squares += float((finite**2).sum())
        self.rounding = max(self.rounding, float(np.abs(finite - finite.astype(np.float32)).max()))
        largest = float(np.abs(finite).max())
        if largest > arrow_types.MOST_EXACT:
            # A float64 has lost the digits already.
            self.rounding = max(self.rounding, largest * FLOAT32_ROUNDING)

    @property
    def known(self) -> int:
        """The number of values that are not missing."""
        return self.rows - self.missing

    @property
    def kind(self) -> str:
        """numeric, boolean, categorical, date or text; or, for a column of no use: constant, identifier, ..."""
        if self.unlearnable:
            return "unlearnable"
        if not self.known or (len(self.distinct) == 1 and not self.missing):
            return "constant"
        if self._is_boolean:
            return "boolean"
        if self.is_row_index:
            return "row index"
        if self.native_date or self._are_moments or self.date_forms.possible:
            return "date"
        if self.is_number:
            named_so = IDENTIFIER.search(self.name) or CAMEL_IDENTIFIER.search(self.name)
            many = len(self.distinct) > min(MAX_DISTINCT, self.known // 2)
            is_plain = self.numbers >= self.known * (1 - MAX_NON_NUMERIC_SHARE)
            is_named = is_plain and self.whole and many and (named_so or self.order.is_rising)
            return "identifier" if is_named else "numeric"
        if not self._counts_distinct() or len(self.distinct) > max(MAX_CATEGORIES, self.known // 2):
            return "text" if _mean_words(self.distinct) >= MIN_WORDS else "identifier"
        return "categorical"

    @property
    def is_number(self) -> bool:
        """Whether nearly all values can be read as numbers."""
        return self.number_forms.best(self.prefers_comma)[1] >= self.known * (1 - MAX_NON_NUMERIC_SHARE)

    @property
    def form(self) -> str:
        """How numbers or dates are written, for the model's card."""
        if self.kind == "numeric":
            return self.number_forms.best(self.prefers_comma)[0]
        if self.kind != "date":
            return ""
        possible = self.date_forms.possible
        in_order = [form for form in possible if dates.order(form) == self.date_order]
        return next(iter([*in_order, *possible]), dates.ISO)

    @property
    def row_order(self) -> RowOrder:
        """The order of the rows by this column of numbers or dates."""
        return self.date_forms.orders.get(self.form, self.order) if self.kind == "date" else self.order

    @property
    def date_orders(self) -> list[str]:
        """The orders of day, month and year in which all dates can be read: mdy, dmy, ymd, several, or none."""
        possible = {dates.order(form) for form in self.date_forms.possible} if self.kind == "date" else set()
        return [order for order in dates.ORDERS if order in possible]

    @property
    def is_row_index(self) -> bool:
        """Whether it only numbers the rows, in any order."""
        if not (self.numbers == self.known == self.rows and self.whole and self.low < self.high):
            return False
        if PANDAS_INDEX.fullmatch(self.name) and len(self.distinct) > min(MAX_CATEGORIES, self.rows - 1):
            return True
        if not ROW_NUMBER.fullmatch(self.name) or self.low not in (0, 1) or self.high - self.low != self.rows - 1:
            return False
        # Those of any order have the sum and the sum of squares of the run.
        run = np.arange(self.low, self.high + 1)
        return bool(np.isclose(self.total, run.sum()) and np.isclose(self.squares, (run**2).sum()))

    @property
    def _is_boolean(self) -> bool:
        if len(self.distinct) > MAX_CATEGORIES:
            return False
        lower = {value.lower() for value in self.distinct}
        return len(lower) == 2 and lower <= values.TRUE | values.FALSE

    @property
    def _are_moments(self) -> bool:
        """Whether all values are numbers that, by the column's name, are dates of our days."""
        if self.numbers < max(1, self.known) or not (MOMENT.search(self.name) or CAMEL_MOMENT.search(self.name)):
            return False
        if self.whole and dates.FIRST_DAY <= self.low <= self.high <= dates.LAST_DAY:
            return True
        units = [unit for unit in dates.UNITS if FIRST_MOMENT * unit <= self.low <= self.high <= LAST_MOMENT * unit]
        return bool(units)


def _mean_words(texts: Iterable[str]) -> float:
    """The mean number of words of the first few texts."""
    asked = list(itertools.islice(texts, VALUES_ASKED))
    return sum(map(_count_words, asked)) / len(asked)


def _count_words(text: str) -> float:
    parts = sum(any(map(str.isalpha, part)) for part in text.split())
    return parts + len(WITHOUT_SPACES.findall(text)) / 2
