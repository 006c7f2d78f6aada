"""How dates are written: in ISO 8601, with a month's name, in a form as in strptime, or as a number.

A number is in seconds, milliseconds, microseconds or nanoseconds since 1970, whichever is nearest to our days, or of
eight digits: 20260131. Times are in UTC where no zone is written. A form says how day, month and year stand; a time of
day may follow in every form, with or without AM and PM. ISO 8601, months' names and numbers are taken in every column,
since they can be read in one way only.
"""

import math
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from suite.preprocessing.mirror import numbers

ISO = ""
# Days, months and years are in the order in which they are taken where several are possible.
ORDERS = {
    "mdy": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y"),
    "dmy": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%d-%m-%y"),
    "ymd": ("%y/%m/%d", "%y-%m-%d"),
}
FORMS = (ISO, "%Y/%m/%d", *(form for forms in ORDERS.values() for form in forms))
SHORT_YEAR = "%y"
FIELDS = {
    "%Y": r"(?P<year>\d{4})",
    SHORT_YEAR: r"(?P<year>\d\d)",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
}
# Cards may have forms with a time of day.
CLOCKS = (" %H:%M:%S", " %H:%M")
CLOCK = (
    r"(?:(?:,?\s+|T)(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"
)
MONTHS = (
    "jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?", "aug(?:ust)?",
    "sep(?:t(?:ember)?)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?",
)  # fmt: skip
WEEKDAY, SPACE = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?", r"(?:\s+|[-/]|,\s*)"
MONTH, DAY = rf"(?P<month>{'|'.join(MONTHS)})\.?", r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
YEAR = r"(?P<year>\d{4}|\d\d)"
# What can be read in one way only: with a month's name, or with a year of four digits before the month.
CLEAR = tuple(
    re.compile(date + CLOCK, re.ASCII | re.IGNORECASE)
    for date in (
        WEEKDAY + DAY + SPACE + MONTH + SPACE + YEAR,
        WEEKDAY + MONTH + SPACE + DAY + SPACE + YEAR,
        r"(?P<year>\d{4})" + SPACE + MONTH + SPACE + DAY,
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
    )
)
# Two digits are a year from 1969 to 2068, as in POSIX.
CENTURY, PIVOT = 100, 1969
# No date takes more characters, and some parsers take long for many.
LONGEST = 64
# Up to this many seconds (the year 5138), a number counts seconds; then each unit takes over from the one before.
MOST_SECONDS, UNITS = 1e11, (1.0, 1e3, 1e6, 1e9)
FIRST_DAY, LAST_DAY = 19_000_101, 21_001_231


def order(form: str) -> str:
    """The order of day, month and year in a form if it might be another: mdy, dmy or ymd."""
    return next((name for name, forms in ORDERS.items() if form.startswith(forms)), "")


def read(text: str, form: str = ISO) -> float:
    """Seconds since 1970 of a date without spaces around it; ValueError where it is none."""
    if not text.isascii() or len(text) > LONGEST:
        raise ValueError(f"{text[:50]!r} is not a date")
    if re.fullmatch(numbers.NUMBER, text):
        return of_number(float(text))
    moment = (_in_form(text, form) if form else None) or _in_iso(text) or _clear(text)
    if moment is None:
        raise ValueError(f"{text[:50]!r} is not a date{f' as in {form}' if form else ''}")
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


def _in_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _clear(text: str) -> datetime | None:
    return next((found for pattern in CLEAR if (found := _matched(pattern, text))), None)


def _in_form(text: str, form: str) -> datetime | None:
    pattern = _pattern(form)
    if pattern:
        return _matched(pattern, text)
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


@lru_cache(64)
def _pattern(form: str) -> re.Pattern[str] | None:
    """A form of day, month and year in digits, which may have a time of day; None for others."""
    date = next((form.removesuffix(clock) for clock in CLOCKS if form.endswith(clock)), form)
    if sorted(field.lower() for field in re.findall("%.", date)) != ["%d", "%m", "%y"]:
        return None
    pattern = re.sub(r"\s+", r"\\s+", re.sub(r"([^\w\s%])", r"\\\1", date))
    for field, digits in FIELDS.items():
        pattern = pattern.replace(field, digits)
    return re.compile(pattern + CLOCK, re.ASCII | re.IGNORECASE)


def _matched(pattern: re.Pattern[str], text: str) -> datetime | None:
    """The moment in a text that the whole pattern matches; None where there is no such day or time of day."""
    found = pattern.fullmatch(text)
    if not found:
        return None
    year, month, day = found["year"], found["month"], int(found["day"])
    hour = int(found["hour"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["half"] in "pP")
    with suppress(ValueError):
        return datetime(
            int(year) if len(year) == 4 else PIVOT + (int(year) - PIVOT) % CENTURY,
            int(month) if month.isdigit() else _month(month), day, hour, int(found["minute"] or 0),
            int(found["second"] or 0), int((found["fraction"] or "0").ljust(6, "0")[:6]), _zone(found["zone"]),
        )  # fmt: skip
    return None


def _month(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name[:3].lower()))


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
