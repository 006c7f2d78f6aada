"""Evidence of how a column is written, gathered batch by batch: forms of numbers, forms of dates, order of rows."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyarrow import compute as pc

from suite.preprocessing.mirror import dates, numbers

PLAIN = f"^(?:{numbers.NUMBER})$"
CANDIDATE = f"^(?:{numbers.CANDIDATE})$"
DECIMAL_COMMA = next(style for style in numbers.STYLES if numbers.has_decimal_comma(style))
# Plain numbers that would be others with a decimal comma: 1.234.
GROUPED_BY_POINTS = r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+$"
WHOLE = r"^[+-]?[0-9]+$"
# Digits and what may follow them at the end of a date: a zone, AM or PM.
DATE_END = re.compile(r"[0-9](\s?(z|utc|gmt|[ap]\.?m\.?))?$", re.IGNORECASE)
SHORTEST_DATE, SHORTEST_WITH_SHORT_YEAR = 8, 6
# Between points or hyphens, a version or a code is made of small numbers too: two digits each are needed for a date.
PADDED = re.compile(r"[0-9]{2}([.-])[0-9]{2}\1[0-9]{2}(?![0-9])")
# Rows come in the order of a column if so many of the steps from row to row go one way.
MIN_ORDERED_SHARE = 0.9


def spread(known: np.ndarray) -> float:
    """A robust deviation of finite numbers: from their quartiles, or where these are equal the standard deviation."""
    if not len(known):
        return np.inf
    low, high = np.percentile(known, [25, 75])
    return float((high - low) / 1.349 or known.std())


@dataclass
class RowOrder:
    """The steps of a column from row to row: those up, down, and those to the same value."""

    rises: int = 0
    falls: int = 0
    ties: int = 0
    last: float | None = None

    def add(self, known: np.ndarray) -> None:
        """Add the values of the next rows, without missing ones."""
        if not len(known):
            return
        row = known if self.last is None else np.concatenate([[self.last], known])
        self.rises += int((row[1:] > row[:-1]).sum())
        self.falls += int((row[1:] < row[:-1]).sum())
        self.ties += int((row[1:] == row[:-1]).sum())
        self.last = float(known[-1])

    @property
    def is_rising(self) -> bool:
        """Whether each value is larger than the one before."""
        return not self.falls and not self.ties

    @property
    def is_ordered(self) -> bool:
        """Whether the rows come in this order, or in the opposite one, but for a few."""
        return max(self.rises, self.falls) >= MIN_ORDERED_SHARE * (self.rises + self.falls) > 0


@dataclass
class NumberForms:
    """How many values are numbers, in each form of `numbers` with and without a sign."""

    counts: Counter[str] = field(default_factory=Counter)
    pointed: int = 0

    def add(self, strings: Any) -> int:
        """Add a batch of strings; return how many are plain numbers."""
        is_plain = pc.match_substring_regex(strings, PLAIN)
        plain = strings.filter(is_plain)
        if len(plain):
            grouped, whole = (_count(plain, pattern) for pattern in (GROUPED_BY_POINTS, WHOLE))
            for style in numbers.STYLES:
                in_comma = grouped + whole if style == DECIMAL_COMMA else whole
                self.counts[style] += in_comma if numbers.has_decimal_comma(style) else len(plain)
            self.pointed += grouped
        others = strings.filter(pc.invert(is_plain))
        others = others.filter(pc.match_substring_regex(others, CANDIDATE))
        for text in others.to_pylist():
            self.counts.update(numbers.forms(text))
        return len(plain)

    def best(self, prefers_comma: bool) -> tuple[str, int]:
        """The form of most values, "" for plain numbers, and their number."""
        signs = {sign for form in self.counts for sign in numbers.SIGNS if form.endswith(sign)}
        totals = {
            style + sign: self.counts[style] + (self.counts[style + sign] if sign else 0)
            for sign in ("", *sorted(signs))
            for style in _styles(prefers_comma and bool(self.pointed or self._has_marks))
            # Where only some numbers have a percent sign, the others may be shares.
            if sign != "%" or self.counts[style + sign] >= self.counts[style]
        }
        form = max(totals, key=lambda form: totals[form])
        return ("" if form == numbers.PLAIN else form), totals[form]

    @property
    def _has_marks(self) -> bool:
        return max(self.counts.values(), default=0) > self.counts[numbers.PLAIN]


def _styles(prefers_comma: bool) -> list[str]:
    return sorted(numbers.STYLES, key=numbers.has_decimal_comma, reverse=prefers_comma)


def _count(strings: Any, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(strings, pattern)).as_py() or 0)


@dataclass
class DateForms:
    """The forms of dates in which all values so far can be read, and the order of the rows in each."""

    orders: dict[str, RowOrder] = field(default_factory=lambda: {form: RowOrder() for form in dates.FORMS})

    def add(self, strings: Any) -> None:
        """Add a batch of strings."""
        if not self.orders or not len(strings):
            return
        texts = strings.to_pylist()
        # Every form allows ISO 8601.
        in_iso = _read_all(texts, dates.ISO)
        for form in list(self.orders):
            moments = in_iso if in_iso is not None or form == dates.ISO else _read_all(texts, form)
            if moments is None:
                del self.orders[form]
            else:
                self.orders[form].add(moments)

    @property
    def possible(self) -> list[str]:
        """The forms, of which ISO 8601 is the only one where it is possible: it is taken in all others too."""
        return [dates.ISO] if dates.ISO in self.orders else list(self.orders)


def _read_all(texts: list[str], form: str) -> np.ndarray | None:
    """Seconds since 1970, or None if a text is no date."""
    moments = np.empty(len(texts))
    has_short_year = dates.SHORT_YEAR in form
    shortest = SHORTEST_WITH_SHORT_YEAR if has_short_year else SHORTEST_DATE
    for index, text in enumerate(texts):
        # Digits alone are a date in a column of dates, but make no such column: most people mean a number.
        if len(text) < shortest or not DATE_END.search(text) or re.fullmatch(numbers.NUMBER, text):
            return None
        if has_short_year and "/" not in form and not PADDED.match(text):
            return None
        try:
            moments[index] = dates.read(text, form)
        except (ValueError, OverflowError):
            return None
    return moments
