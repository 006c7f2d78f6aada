"""Parses CSV, as spreadsheets write it with column names in the first line, into columns of text."""

import csv
import io

from serving.codecs.base import Limits, numbered
from serving.codecs.payload import Table
from serving.deadline import Deadline
from serving.errors import ServiceError
from suite.errors import shortened


def read(text: str, limits: Limits, deadline: Deadline) -> Table:
    """Return the columns by name, with each cell as it is written; raise ServiceError 400 or 413."""
    # Spreadsheets write a byte order mark first. A quoted field may contain line breaks.
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = _header(next((row for row in lines if row), []))
        rows = list[list[str]]()
        # As in files, an empty line is an empty value where there is one column, else nothing.
        empty_line = [""] if len(header) == 1 else []
        for _, row in numbered(lines, deadline):
            if cells := row or empty_line:
                rows.append(_checked(cells, header, len(rows) + 2))
                limits.check_rows(len(rows))
    except csv.Error as error:
        raise ServiceError(400, f"the body is no CSV ({error}): separate values by commas, quote as needed") from error
    if not rows:
        raise ServiceError(400, "the CSV has no rows: name the columns in the first line, and add what to predict")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def _header(row: list[str]) -> list[str]:
    # Named as in files.
    names = [name.strip() or f"column {position}" for position, name in enumerate(row, 1)]
    seen = set[str]()
    for name in names:
        if name in seen:
            raise ServiceError(400, f"the column '{shortened(name)}' of the CSV stands twice: write each once")
        seen.add(name)
    return names


def _checked(row: list[str], header: list[str], line: int) -> list[str]:
    if len(row) != len(header):
        raise ServiceError(400, f"line {line} of the CSV has {len(row)} values where the first has {len(header)}")
    return row
