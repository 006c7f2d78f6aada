"""How dates are written: in ISO 8601, in a form as in strptime, or as a number.

A number is in seconds, milliseconds, microseconds or nanoseconds since 1970, whichever is nearest to our days, or of
eight digits: 20260131. Times are in UTC where no zone is written. ISO 8601 and numbers are taken in every column.
"""

import math
import re
from datetime import UTC, datetime
from functools import lru_cache

from suite.preprocessing.mirror import numbers

ISO = ""
CLOCKS = ("", " %H:%M", " %H:%M:%S")
# Days and months are in the order in which they are taken where both are possible.
ORDERS = {"ymd": ("%Y/%m/%d",), "mdy": ("%m/%d/%Y", "%m-%d-%Y"), "dmy": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")}
FORMS = (ISO, *(form + clock for order in ORDERS.values() for form in order for clock in CLOCKS))
FIELDS = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%M": "minute", "%S": "second"}
# No date takes more characters, and some parsers take long for many.
LONGEST = 64
# Up to this many seconds (the year 5138), a number counts seconds; then each unit takes over from the one before.
MOST_SECONDS, UNITS = 1e11, (1.0, 1e3, 1e6, 1e9)
FIRST_DAY, LAST_DAY = 19_000_101, 21_001_231


def order(form: str) -> str:
    """The order of day, month and year in a form: ymd, mdy or dmy."""
    return next((name for name, forms in ORDERS.items() if form.startswith(forms)), "ymd")


def read(text: str, form: str = ISO) -> float:
    """Seconds since 1970 of a date without spaces around it; ValueError where it is none."""
    if not text.isascii() or len(text) > LONGEST:
        raise ValueError(f"{text[:50]!r} is not a date")
    if re.fullmatch(numbers.NUMBER, text):
        return of_number(float(text))
    moment = _moment(text, form) if form else None
    moment = moment or datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def of_number(value: float) -> float:
    """Seconds since 1970 of a number; ValueError where it is not finite."""
    if FIRST_DAY <= value <= LAST_DAY and value.is_integer():
        year, day = divmod(int(value), 10_000)
        try:
            return datetime(year, day // 100, day % 100, tzinfo=UTC).timestamp()
        except ValueError:
            pass
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a date")
    return value / next((unit for unit in UNITS if abs(value) < MOST_SECONDS * unit), UNITS[-1])


def _moment(text: str, form: str) -> datetime | None:
    """As datetime.strptime, which takes three times as long; None for what is not of this form."""
    pattern = _pattern(form)
    try:
        if pattern is None:
            return datetime.strptime(text, form)
        found = pattern.fullmatch(text)
        return datetime(**{field: int(digits) for field, digits in found.groupdict().items()}) if found else None  # type: ignore[arg-type]
    except ValueError:
        return None


@lru_cache(64)
def _pattern(form: str) -> re.Pattern[str] | None:
    """A form of numbers between other characters; None for one with more in it, or with less than a day."""
    fields = re.findall("%.", form)
    if not {"%Y", "%m", "%d"} <= set(fields) <= FIELDS.keys() or len(set(fields)) < len(fields):
        return None
    pattern = re.sub(r"\s+", r"\\s+", re.sub(r"([^\w\s%])", r"\\\1", form))
    for field, name in FIELDS.items():
        pattern = pattern.replace(field, rf"(?P<{name}>\d{{{4 if name == 'year' else '1,2'}}})")
    return re.compile(pattern, re.ASCII)
