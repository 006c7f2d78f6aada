"""The column in whose order the rows of a table came, if there is one."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from suite.data.column import Column
from suite.data.options import RANDOM, TIME, DataOptions
from suite.errors import SuiteError, UsageError, unknown

NAMES = ("time", "timestamp", "date", "datetime", "step")
BIRTH = re.compile(r"birth|(^|_|\b)(dob|born)(_|\b|$)|geburt|naissance|nacimiento|nascita", re.IGNORECASE)
NONE = "none"


@dataclass(frozen=True)
class TimeColumn:
    """The column, or None for a random split, why, and what else there is to say about it."""

    column: Column | None
    reason: str = "no time column"
    note: str = ""


def find(profiles: dict[str, Column], labels: Collection[str], options: DataOptions) -> TimeColumn:
    """The column that was asked for, else one that is a time by its name or type if the rows come in its order."""
    wanted = options.time_column
    if wanted == NONE and NONE not in profiles:
        if options.split == TIME:
            raise UsageError(f"--split time and --time-column {NONE} contradict each other: leave one of them out")
        return TimeColumn(None, "as asked")
    if wanted is not None:
        if wanted not in profiles:
            raise unknown("column", wanted, list(profiles))
        if not _can_order(profiles[wanted]):
            raise SuiteError(f"the time column '{wanted}' holds neither dates nor numbers: name another, or none")
    if options.split == RANDOM:
        return TimeColumn(None, "as asked")
    return TimeColumn(profiles[wanted]) if wanted is not None else _detect(profiles, labels, options)


def _detect(profiles: dict[str, Column], labels: Collection[str], options: DataOptions) -> TimeColumn:
    candidates = [
        column for name, column in profiles.items() if name not in labels and not column.missing and _can_order(column)
    ]
    named = [column for column in candidates if column.name.lower() in NAMES]
    dates = [column for column in candidates if column.kind == "date" and not BIRTH.search(column.name)]
    times = [*named, *(column for column in dates if column not in named)]
    found = next((column for column in times if column.row_order.is_ordered), None)
    if found:
        reason = "its name" if found in named else "its dates"
        return TimeColumn(
            found,
            note=f"time column: {found.name}, by {reason} and the order of the rows "
            f"(--time-column {NONE} splits at random)",
        )
    if options.split == TIME:
        return TimeColumn(_only(times))
    if times:
        name = times[0].name
        return TimeColumn(None, f"the rows are not in the order of {name}; --time-column {name} splits by it")
    return TimeColumn(None)


def _only(times: list[Column]) -> Column:
    """The only column that may be the time; UsageError if there are none or several."""
    if len(times) == 1:
        return times[0]
    found = (
        f"several columns may be the time ({', '.join(column.name for column in times)})"
        if times
        else ("no column is a time by its name or its dates, in every row")
    )
    raise UsageError(f"--split time: {found}: name it with --time-column")


def _can_order(column: Column) -> bool:
    return column.kind == "date" or column.numbers == column.known > 0
