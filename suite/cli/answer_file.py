"""Files of answers: CSV, JSON Lines or Parquet, written whole or not at all."""

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from suite.errors import SuiteError, UsageError

AnswerRow = dict[str, Any]
Write = Callable[[list[AnswerRow]], None]
FORMATS = (".csv", ".jsonl", ".parquet")
TEXT_COLUMNS = ("path", "label", "error")


def check_target(target: Path | None) -> None:
    """UsageError if the file's name has no known ending."""
    if target and target.suffix not in FORMATS:
        raise UsageError(f"'{target}' has no known format: end it in one of {', '.join(FORMATS)}")


@contextmanager
def writer(target: Path | None, columns: list[str]) -> Iterator[Write]:
    """A function that writes rows to a file, or as CSV to standard output (None).

    The file appears whole at the end of the block, or not at all.
    """
    if target is None:
        yield _csv(sys.stdout, columns)
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise SuiteError(f"cannot write {target} ({error.strerror}): choose another --output") from error
    os.close(handle)
    try:
        if target.suffix == ".parquet":
            with _parquet(temporary, columns) as write:
                yield write
        else:
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                yield _csv(file, columns) if target.suffix == ".csv" else _json_lines(file)
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise SuiteError(f"writing {target} failed ({error.strerror or error}): nothing was written") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _csv(file: IO[str], columns: list[str]) -> Write:
    """The header is written with the first rows."""
    output = csv.writer(file)
    started = False

    def write(rows: list[AnswerRow]) -> None:
        nonlocal started
        if not started:
            output.writerow(columns)
            started = True
        output.writerows([row.get(column) for column in columns] for row in rows)

    return write


def _json_lines(file: IO[str]) -> Write:
    return lambda rows: file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@contextmanager
def _parquet(path: str, columns: list[str]) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    # The types cannot be inferred from the rows: the first ones may have no answers.
    types = {name: pa.string() if name in TEXT_COLUMNS else pa.float64() for name in columns}
    schema = pa.schema(list(types.items()))
    with parquet.ParquetWriter(path, schema) as output:
        yield lambda rows: output.write_table(pa.Table.from_pylist(rows, schema))
