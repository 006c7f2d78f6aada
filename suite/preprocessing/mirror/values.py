"""One grammar of the values of a table, as people write them in text.

Cells of CSV over HTTP, text in JSON and in tensors, and cells of batch files are all read by it. Spaces around a value
do not count. A missing word (see `MISSING`) stands for no value in every kind of column. Numbers have ASCII digits and
may begin with a sign or a point, or have an exponent; infinity, numbers beyond float32, underscores and digits of other
scripts are refused. What is refused raises ValueError.
"""

import math
import re
from datetime import UTC, datetime
from functools import lru_cache

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))
TRUE = frozenset(("true", "yes", "y", "t", "1", "1.0"))
FALSE = frozenset(("false", "no", "n", "f", "0", "0.0"))
ISO = ""
DATE_FORMATS = (
    ISO, "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S",
)  # fmt: skip
# The largest number of a float32, which is what columns of numbers become.
LARGEST = 3.4028234663852886e38
# No date takes more characters, and some parsers take long for many.
LONGEST_DATE = 64
FIELDS = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%M": "minute", "%S": "second"}


def cell(text: str, kind: str, date_format: str = ISO) -> float | str:
    """A cell of a numeric, boolean, date or categorical column; NaN or "" where it is missing."""
    if kind == "numeric":
        return number(text)
    if kind == "boolean":
        return boolean(text)
    return seconds(text, date_format) if kind == "date" else category(text)


def is_missing(text: str) -> bool:
    """Whether this spelling means that there is no value."""
    return text.strip().lower() in MISSING


def category(text: str) -> str:
    """The text without spaces around it; "" where it is missing."""
    return "" if is_missing(text) else text.strip()


def number(text: str) -> float:
    """A number that float32 can hold; NaN where missing."""
    if is_missing(text):
        return math.nan
    trimmed = text.strip()
    try:
        # float() also takes underscores and the digits of every script.
        value = float(trimmed) if trimmed.isascii() and "_" not in trimmed else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        raise ValueError(f"{text[:50]!r} is not a number")
    return value


def boolean(text: str) -> float:
    """1.0 for true, yes, 1, ...; 0.0 for false, no, 0, ...; NaN where missing."""
    lower = text.strip().lower()
    if lower in TRUE or lower in FALSE:
        return float(lower in TRUE)
    if lower in MISSING:
        return math.nan
    raise ValueError(f"{text[:50]!r} is neither true nor false")


def seconds(text: str, date_format: str = ISO) -> float:
    """Seconds since 1970 (UTC where no zone is written) of a date as ISO 8601 or as in strptime; NaN where missing."""
    if is_missing(text):
        return math.nan
    trimmed = text.strip()
    if not trimmed.isascii() or len(trimmed) > LONGEST_DATE:
        raise ValueError(f"{text[:50]!r} is not a date")
    moment = _moment(trimmed, date_format) if date_format else datetime.fromisoformat(trimmed)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _moment(text: str, date_format: str) -> datetime:
    """As datetime.strptime, which takes three times as long."""
    pattern = _pattern(date_format)
    if pattern is None:
        return datetime.strptime(text, date_format)
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a date like {date_format}")
    return datetime(**{field: int(number) for field, number in found.groupdict().items()})  # type: ignore[arg-type]


@lru_cache(64)
def _pattern(date_format: str) -> re.Pattern[str] | None:
    """A format of numbers between other characters; None for one with more in it, or with less than a day."""
    fields = re.findall("%.", date_format)
    if not {"%Y", "%m", "%d"} <= set(fields) <= FIELDS.keys() or len(set(fields)) < len(fields):
        return None
    pattern = re.sub(r"\s+", r"\\s+", re.sub(r"([^\w\s%])", r"\\\1", date_format))
    for field, name in FIELDS.items():
        pattern = pattern.replace(field, rf"(?P<{name}>\d{{{4 if name == 'year' else '1,2'}}})")
    return re.compile(pattern, re.ASCII)
