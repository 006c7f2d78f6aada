"""How a CSV file is written: its delimiter, and whether its first line holds the columns' names."""

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from suite.errors import SuiteError, listed

DELIMITERS = ",;\t|"
# Delimits nothing: the only column of a file may hold all usual delimiters.
NO_DELIMITER = "\x1f"
SAMPLE_ROWS = 20
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
# Excel's way to name the delimiter, before the header.
DELIMITER_LINE = re.compile(r'"?sep=([\t !#-~])"?\s*\Z', re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)(e[+-]?\d+)?%?", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """A delimiter, the values of the first record, and some records below it.

    `lead` is the length in bytes of empty lines and of a line sep=; before the first record, and `header` that of the
    record.
    """

    delimiter: str
    values: list[str]
    sample: list[list[str]]
    lead: int
    header: int


def detect(text: str, name: str, prefer_tab: bool = False) -> Dialect:
    """The dialect of a file that starts with this text; SuiteError where a quote in its first line is not closed."""
    lines = LINE.findall(text)
    first = next((index for index, line in enumerate(lines) if line.strip(" \r\n")), 0)
    given = DELIMITER_LINE.match(lines[first])
    if given and len(lines) > first + 1:
        first += 1
    rest = lines[first:]
    allowed = given[1] if given else DELIMITERS
    # A wrong delimiter mostly shows in what follows a quote.
    delimiter = _best(rest, allowed, prefer_tab, True) or _best(rest, allowed, prefer_tab, False) or NO_DELIMITER
    records = _records(rest, delimiter, False)
    header = _first_record(rest, delimiter, name)
    return Dialect(delimiter, records[0], records[1:], _bytes(lines[:first]), _bytes(header))


def _best(lines: list[str], allowed: str, prefer_tab: bool, strict: bool) -> str:
    """The delimiter with which most records have as many values as the first; empty if it always has one."""
    fits = {}
    for delimiter in allowed:
        records = _records(lines, delimiter, strict)
        width = len(records[0])
        if width > 1:
            agreeing = sum(len(record) == width for record in records) / len(records)
            fits[delimiter] = (prefer_tab and delimiter == "\t", agreeing, width)
    return max(fits, key=lambda one: fits[one], default="")


def _records(lines: list[str], delimiter: str, strict: bool) -> list[list[str]]:
    """The first records, up to one that cannot be read."""
    found: list[list[str]] = []
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=strict)
    # Python's reader takes no very long values; Arrow's does.
    with suppress(csv.Error):
        found.extend(islice((row for row in reader if row), 1 + SAMPLE_ROWS))
    return found or [lines[:1]]


def _first_record(lines: list[str], delimiter: str, name: str) -> list[str]:
    """The lines of the first record."""
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    try:
        next(reader)
    except csv.Error as error:
        if "end of data" in str(error) or "field limit" in str(error):
            raise SuiteError(f"{name} cannot be read: its first line opens a quote that is not closed") from error
        reader = csv.reader(iter(lines), delimiter=delimiter)
        next(reader)
    return lines[: reader.line_num]


def _bytes(lines: list[str]) -> int:
    return len("".join(lines).encode())


def names(values: Sequence[str]) -> list[str]:
    """The columns' names without spaces around them; those without a name get their position."""
    return [value.strip() or f"column {position}" for position, value in enumerate(values, 1)]


def told_unnamed(values: Sequence[str]) -> str:
    """A line on columns that got their position as a name; empty if all have names."""
    unnamed = [name for name, value in zip(names(values), values, strict=True) if not value.strip()]
    return f"columns without a name are named by their position: {listed(unnamed)}" if unnamed else ""


def looks_like_a_row(values: Sequence[str], sample: Sequence[Sequence[str | None]]) -> bool:
    """Whether a first line of these values is like the rows below it: numbers above numbers, or a value again."""
    for position, value in enumerate(map(str.strip, values)):
        below = [(row[position] or "").strip() for row in sample if position < len(row)]
        known = [cell for cell in below if cell]
        if value and (value in known or (known and NUMBER.fullmatch(value) and all(map(NUMBER.fullmatch, known)))):
            return True
    return False


def told(values: Sequence[str]) -> str:
    """A line that says that the first line was taken as names although it looks like a row."""
    shown = ", ".join(value[:20] for value in values[:4]) + (", ..." if len(values) > 4 else "")
    return f"first line taken as column names, though it looks like a row ({shown}): if it is one, say --no-header"
