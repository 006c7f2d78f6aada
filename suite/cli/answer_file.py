"""Files of answers: CSV, JSON Lines or Parquet, written whole or not at all."""

import csv
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from suite.api.predict import AnswerRow, Columns, schema
from suite.errors import SuiteError, UsageError

Write = Callable[[list[AnswerRow]], None]
FORMATS = (".csv", ".jsonl", ".parquet")


def check_target(target: Path | None) -> None:
    """UsageError if the file's name has no known ending."""
    if target and target.suffix.lower() not in FORMATS:
        raise UsageError(f"'{target}' has no known format: end it in one of {', '.join(FORMATS)}")


@contextmanager
def writer(target: Path | None, columns: Columns) -> Iterator[Write]:
    """A function that writes rows to a file, or as CSV to standard output (None).

    The file appears whole at the end of the block, or not at all.
    """
    if target is None:
        yield _csv(sys.stdout, columns)
        return
    suffix = target.suffix.lower()
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise SuiteError(f"cannot write {target} ({error.strerror}): choose another --output") from error
    os.close(handle)
    try:
        if suffix == ".parquet":
            with _parquet(temporary, columns) as write:
                yield write
        else:
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                yield _csv(file, columns) if suffix == ".csv" else _json_lines(file)
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise SuiteError(f"writing {target} failed ({error.strerror or error}): nothing was written") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _csv(file: IO[str], columns: Columns) -> Write:
    """The header is written with the first rows."""
    output = csv.writer(file)
    started = False

    def write(rows: list[AnswerRow]) -> None:
        nonlocal started
        if not started:
            output.writerow(columns)
            started = True
        output.writerows([_cell(row.get(column)) for column in columns] for row in rows)

    return write


def _cell(value: Any) -> Any:
    # As JSON writes them, and as every reader of ours takes them.
    return str(value).lower() if isinstance(value, bool) else value


def _json_lines(file: IO[str]) -> Write:
    def write(rows: list[AnswerRow]) -> None:
        plain = ({name: _plain(value) for name, value in row.items()} for row in rows)
        file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n" for row in plain)

    return write


def _plain(value: Any) -> Any:
    """A value for JSON, which has no NaN and no infinity; kept columns may hold them."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _parquet(path: str, columns: Columns) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    types = schema(columns)
    with parquet.ParquetWriter(path, types) as output:
        yield lambda rows: output.write_table(pa.Table.from_pylist(rows, types))
