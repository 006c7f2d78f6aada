"""Reader of a sheet of a workbook: Excel's .xlsx, .xlsb and .xls, and OpenDocument's .ods."""

import datetime
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from suite.data import csv_dialect
from suite.data.json_rows import ROWS_PER_BATCH
from suite.errors import SuiteError, unknown


def sheet_rows(file: BinaryIO, sheet: str | None, name: str) -> tuple[list[list[str | None]], str]:
    """A sheet's rows as text, null where a cell is empty; and a line about the choice of the sheet, if there was one.

    Without `sheet` it is the first one. SuiteError for a workbook that cannot be read.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(file.read()))
        names = book.sheet_names
        if sheet is not None and sheet not in names:
            raise unknown(f"sheet in {name}", sheet, names)
        if not names:
            raise SuiteError(f"{name} is a workbook without sheets: give one with data")
        chosen = sheet or names[0]
        cells = book.get_sheet_by_name(chosen).to_python()
    except CalamineError as error:
        raise SuiteError(
            f"{name} is a workbook that cannot be read ({error}): open it in a spreadsheet and save it as CSV"
        ) from error
    rows = [[_text(cell) for cell in row] for row in cells]
    if rows and len(rows[0]) > 1:
        rows = [row for row in rows if any(cell is not None for cell in row)]
    told = f"sheet: {chosen}, the first of {len(names)} (--sheet names another)" if len(names) > 1 > bool(sheet) else ""
    return rows, told


def batches(rows: list[list[str | None]], has_header: bool) -> Iterator[pa.RecordBatch]:
    """The rows in batches of strings or null."""
    names = csv_dialect.names([(cell or "") if has_header else "" for cell in rows[0]])
    data = rows[int(has_header) :]
    for start in range(0, len(data), ROWS_PER_BATCH):
        columns = zip(*data[start : start + ROWS_PER_BATCH], strict=True)
        yield pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], names)


def _text(cell: Any) -> str | None:
    if cell == "" and isinstance(cell, str):
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.timedelta):
        return repr(cell.total_seconds())
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ")
    return str(cell)
