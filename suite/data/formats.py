"""Streaming readers of tables: CSV, TSV, JSON Lines and Parquet, each plain, gzip or zstd."""

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from suite.errors import SuiteError

BLOCK = 4 << 20
ROWS_PER_BATCH = 10_000
TOO_LONG = f"one of its rows is longer than {BLOCK >> 20} MB: shorten it, or bring JSON Lines or Parquet"
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
PLAIN_NUMBERS = b"plain numbers"
DELIMITERS = ",;\t|"
# A quoted value, or the start of one that is cut off. Only a quote at the start of a value opens one.
QUOTED = rb'(?:\A|(?<=[%s\r\n]))"[^"]*+(?:""[^"]*+)*+"?'
Source = Path | BinaryIO


def kind_of(path: Path) -> str:
    """csv, tsv, jsonl or parquet: by the file's name, else by its first bytes."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    if suffixes and suffixes[-1] in SUFFIXES:
        return SUFFIXES[suffixes[-1]]
    with _open_bytes(path) as file:
        start = file.read(4)
    return "parquet" if start == b"PAR1" else "jsonl" if start[:1] == b"{" else "csv"


def batches(source: Source) -> Iterator[pa.RecordBatch]:
    """The rows in batches; columns of CSV and JSON Lines are strings or null, those of Parquet have their own types.

    A stream without a name is JSON Lines if it begins with a brace, else CSV. SuiteError for data that cannot be read.
    """
    name = str(source) if isinstance(source, Path) else "standard input"
    try:
        if isinstance(source, Path):
            kind = kind_of(source)
            if kind == "parquet":
                yield from _parquet(source)
                return
            with _open_bytes(source) as file, _open_bytes(source) as again:
                yield from _lines(file, kind, name, again)
        else:
            yield from _lines(source, "", name)
    except UnicodeDecodeError as error:
        raise SuiteError(
            f"{name} is not UTF-8 ({error.reason}): convert it, for example with iconv -t utf-8"
        ) from error
    except (pa.ArrowException, OSError, EOFError) as error:
        raise SuiteError(f"{name} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "straddling" in text:
        return TOO_LONG
    if "UTF8" in text or "UTF-8" in text:
        return f"it is not UTF-8 ({text}); convert it, for example with iconv -t utf-8"
    return f"{text[:200]}; correct that row or download the file again"


@contextmanager
def _open_bytes(path: Path) -> Iterator[Any]:
    """A stream of the file's bytes, decompressed."""
    compression = COMPRESSIONS.get(path.suffix.lower())
    with pa.input_stream(str(path), compression=compression) as file:
        yield file


def _lines(file: Any, kind: str, name: str, again: Any = None) -> Iterator[pa.RecordBatch]:
    """The rows of a stream; `again` is the same stream from its beginning, opened by Arrow, if there is one."""
    reader = io.BufferedReader(_RawStream(file), BLOCK)
    start = reader.peek(1)[:BLOCK]
    kind = kind or ("jsonl" if start.lstrip()[:1] == b"{" else "csv")
    if not start.strip():
        raise SuiteError(f"{name} is empty: give a file with data")
    yield from (_json(reader, name) if kind == "jsonl" else _csv(reader, start, kind, name, again))


class _RawStream(io.RawIOBase):
    """An Arrow or Python stream for Python's buffered reader."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _csv(file: Any, start: bytes, kind: str, name: str, again: Any) -> Iterator[pa.RecordBatch]:
    header = start.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode()
    delimiter = "\t" if kind == "tsv" else max(DELIMITERS, key=header.count)
    names = next(csv.reader([header.rstrip("\r")], delimiter=delimiter))
    names = [column.strip() or f"column {position}" for position, column in enumerate(names, 1)]
    duplicate = next((column for column in names if names.count(column) > 1), None)
    if duplicate is not None:
        raise SuiteError(f"{name} has two columns named '{duplicate}': rename one")
    done = 0
    for part in [again] if again else _whole_rows(file, delimiter.encode(), name):
        before, first = done, int(not done)
        try:
            reader = arrow_csv.open_csv(
                part,
                arrow_csv.ReadOptions(block_size=BLOCK, column_names=names, skip_rows=first, use_threads=False),
                arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
            )
            done += first
            for batch in reader:
                done += batch.num_rows
                yield batch
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(_shift_row_numbers(str(error), before)) from error


def _shift_row_numbers(text: str, before: int) -> str:
    """Arrow's error with row numbers of the whole file, for a part with this many rows before it."""
    return re.sub(r"Row #(\d+)", lambda match: f"Row #{before + int(match[1])}", text)


def _whole_rows(file: Any, delimiter: bytes, name: str) -> Iterator[Any]:
    """A Python stream of CSV in parts of whole rows, each as a stream in Arrow's memory.

    Arrow reads ahead in a thread. A thread that waits for a Python stream while the process exits after an error
    aborts the process.
    """
    quoted = re.compile(QUOTED % re.escape(delimiter))
    rest = b""
    while block := file.read(BLOCK):
        block = rest + block
        # Line ends within quotes do not end a row.
        outside = quoted.sub(lambda match: b" " * len(match[0]), block) if b'"' in block else block
        end = outside.rfind(b"\n") + 1
        if not end and len(block) > BLOCK:
            raise SuiteError(f"{name} cannot be read: {TOO_LONG}")
        if block[:end].strip():
            yield _arrow_stream(block[:end])
        rest = block[end:]
    if rest.strip():
        yield _arrow_stream(rest)


def _arrow_stream(content: bytes) -> Any:
    memory = pa.BufferOutputStream()
    memory.write(content)
    return pa.BufferReader(memory.getvalue())


def _json(file: Any, name: str) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except json.JSONDecodeError as error:
            raise SuiteError(f"{name} line {number} is not JSON ({error.msg}): give one object a line") from error
        if not isinstance(row, dict):
            raise SuiteError(f"{name} line {number} is no JSON object: give one object a line")
        rows.append(row)
        if len(rows) == ROWS_PER_BATCH:
            yield _string_batch(rows, name)
            rows = []
    if rows:
        yield _string_batch(rows, name)


def _string_batch(rows: list[dict[str, Any]], name: str) -> pa.RecordBatch:
    """Strings by key; a column of numbers is marked as such, since text may have a decimal comma and JSON has not."""
    fields, columns = [], []
    for key in dict.fromkeys(key for row in rows for key in row):
        cells = [row.get(key) for row in rows]
        are_numbers = all(type(cell) in (int, float, NoneType) for cell in cells)
        fields.append(pa.field(key, pa.string(), metadata={PLAIN_NUMBERS: b""} if are_numbers else None))
        columns.append(pa.array([_string(cell, key, name) for cell in cells], pa.string()))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _string(value: Any, key: str, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        raise SuiteError(f"{name} has a nested value under '{key}': give plain values only")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix.lower() not in COMPRESSIONS:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(ROWS_PER_BATCH)
        return
    # Parquet is read from its end, which a compressed stream does not allow.
    with tempfile.TemporaryFile() as unpacked:
        with _open_bytes(path) as packed:
            shutil.copyfileobj(packed, unpacked)
        with parquet.ParquetFile(unpacked) as file:
            yield from file.iter_batches(ROWS_PER_BATCH)


def table(source: Path) -> pa.Table:
    """A small table as a whole."""
    parts = list(batches(source))
    if not parts or not sum(batch.num_rows for batch in parts):
        raise SuiteError(f"{source} has no rows: give a file with data")
    return pa.concat_tables([pa.Table.from_batches([batch]) for batch in parts], promote_options="default")
