"""One grammar of the values of a table, as people write them in text.

Cells of CSV over HTTP, text in JSON and in tensors, and cells of batch files are all read by it. Spaces around a value
do not count. A missing word (see `MISSING`) stands for no value in every kind of column, except among labels. Numbers
have ASCII digits and may begin with a sign or a point, or have an exponent; a column's form says how else they are
written (see `numbers`). Infinity, numbers beyond float32, underscores and digits of other scripts are refused. What is
refused raises ValueError.
"""

import math

from suite.preprocessing.mirror import dates, numbers
from suite.preprocessing.mirror.dates import ISO

# Those of pandas, Excel and Hive, and what people type where they know nothing.
MISSING = frozenset((
    "", "na", "n/a", "#n/a", "#na", "#n/a n/a", "<na>", "nan", "-nan", "null", "none", "?", "-", "–", "—", "\\n",
    "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
))  # fmt: skip
TRUE = frozenset(("true", "yes", "y", "t", "1", "1.0"))
FALSE = frozenset(("false", "no", "n", "f", "0", "0.0"))
# The largest number of a float32, which is what columns of numbers become.
LARGEST = 3.4028234663852886e38


def cell(text: str, kind: str, form: str = "") -> float | str:
    """A cell of a numeric, boolean, date, categorical or text column; NaN or "" where it is missing."""
    if kind == "numeric":
        return number(text, form)
    if kind == "boolean":
        return boolean(text)
    return seconds(text, form) if kind == "date" else category(text)


def is_missing(text: str) -> bool:
    """Whether this spelling means that there is no value."""
    return text.strip().lower() in MISSING


def category(text: str) -> str:
    """The text without spaces around it; "" where it is missing."""
    return "" if is_missing(text) else text.strip()


def number(text: str, form: str = "") -> float:
    """A number that float32 can hold, written in a form of `numbers`; NaN where missing."""
    if is_missing(text):
        return math.nan
    value = numbers.read(text.strip(), form)
    if not abs(value) <= LARGEST:
        raise ValueError(f"{text[:50]!r} is not a number{f' as in {form}' if form else ''}")
    return value


def boolean(text: str) -> float:
    """1.0 for true, yes, 1, ...; 0.0 for false, no, 0, ...; NaN where missing."""
    lower = text.strip().lower()
    if lower in TRUE or lower in FALSE:
        return float(lower in TRUE)
    if lower in MISSING:
        return math.nan
    raise ValueError(f"{text[:50]!r} is neither true nor false")


def seconds(text: str, form: str = ISO) -> float:
    """Seconds since 1970 of a date in ISO 8601, in a form of `dates`, or as a number; NaN where missing."""
    return math.nan if is_missing(text) else dates.read(text.strip(), form)
