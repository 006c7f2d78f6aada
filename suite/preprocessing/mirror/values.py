"""Single values of a table as people write them, to numbers."""

import math
from datetime import UTC, datetime

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))
TRUE = frozenset(("true", "yes", "y", "t", "1", "1.0"))
FALSE = frozenset(("false", "no", "n", "f", "0", "0.0"))
ISO = ""
DATE_FORMATS = (
    ISO, "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S",
)  # fmt: skip


def is_missing(text: str) -> bool:
    """Whether this spelling means that there is no value."""
    return text.strip().lower() in MISSING


def number(text: str) -> float:
    """A number; missing and infinite ones are NaN. ValueError for anything else."""
    if is_missing(text):
        return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan


def boolean(text: str) -> float:
    """1.0 for true, yes, 1, ...; 0.0 for false, no, 0, ...; NaN where missing. ValueError for anything else."""
    lower = text.strip().lower()
    if lower in TRUE or lower in FALSE:
        return float(lower in TRUE)
    if is_missing(text):
        return math.nan
    raise ValueError(f"{text!r} is neither true nor false")


def seconds(text: str, date_format: str = ISO) -> float:
    """Seconds since 1970 (UTC where no zone is written); NaN where missing. ValueError for anything else."""
    if is_missing(text):
        return math.nan
    text = text.strip()
    moment = datetime.strptime(text, date_format) if date_format else datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
