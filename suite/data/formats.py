"""Streaming readers of tables: what a file is, is told by its content, packed or not, in any encoding."""

import io
import lzma
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import feather, parquet

from suite.data import compression, csv_dialect, csv_rows, encodings, file_kinds, json_rows, workbooks
from suite.data.compression import BLOCK
from suite.data.json_rows import ROWS_PER_BATCH
from suite.data.memory import Frame, Memory
from suite.data.options import Reading
from suite.errors import SuiteError, UsageError


@dataclass
class TableFile:
    """A table's source, how it is to be read, and `notes` on what the reader decided by itself, a line each.

    `columns` holds the columns of JSON that were found so far; all of them in a second pass.
    """

    source: Path | BinaryIO | Memory
    reading: Reading = field(default_factory=Reading)
    notes: list[str] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path, or words for a stream."""
        return str(self.source) if isinstance(self.source, Path | Memory) else "standard input"

    @property
    def suffix(self) -> str:
        """The suffix of the name in lower case, without that of its packing; empty for a stream."""
        return compression.suffix_of(self.source) if isinstance(self.source, Path) else ""

    def note(self, line: str) -> None:
        """Add a note, once."""
        if line and line not in self.notes:
            self.notes.append(line)


Source = Path | BinaryIO | Memory | TableFile


def batches(source: Source) -> Iterator[pa.RecordBatch]:
    """The rows in batches; columns of CSV, JSON and workbooks are strings or null, others have their own types.

    SuiteError for data that cannot be read.
    """
    file = source if isinstance(source, TableFile) else TableFile(source)
    with _naming_errors(file.name):
        for batch in _of_frame(file, file.source) if isinstance(file.source, Memory) else _of_file(file, file.source):
            yield _with_checked_names(batch, file)


def _of_frame(file: TableFile, frame: Memory) -> Iterator[pa.RecordBatch]:
    if not isinstance(frame, Frame):
        raise UsageError(f"{frame} is no table: give a frame")
    if file.reading != Reading():
        raise UsageError("--encoding, --no-header and --sheet say how files are read: leave them out for a frame")
    for line in frame.notes:
        file.note(line)
    yield from frame.table.to_batches(ROWS_PER_BATCH)


def _of_file(file: TableFile, source: Path | BinaryIO) -> Iterator[pa.RecordBatch]:
    with compression.opened(source) as (stream, is_packed):
        kind = _kind(file, stream)
        if kind in (file_kinds.CSV, file_kinds.JSON):
            yield from _text_batches(file, stream, kind)
        else:
            yield from map(_validated, _binary_batches(file, source, stream, kind, is_packed))


def kind_of(path: Path) -> str:
    """What a file is: one of `file_kinds`."""
    file = TableFile(path)
    with _naming_errors(file.name), compression.opened(path) as (stream, _):
        return file_kinds.kind_of(stream.peek(1), file.suffix, file.name)


def text_lines(file: TableFile) -> Iterator[str]:
    """The lines of a text file without their ends, which may be of any system."""
    with _naming_errors(file.name), compression.opened(_on_disk(file)) as (stream, _):
        for line in io.TextIOWrapper(_as_utf8(file, stream), "utf-8", newline=None):
            yield line.rstrip("\n")


def text(file: TableFile) -> str:
    """The whole of a text file."""
    with _naming_errors(file.name), compression.opened(_on_disk(file)) as (stream, _):
        return io.TextIOWrapper(_as_utf8(file, stream), "utf-8", newline=None).read()


def _on_disk(file: TableFile) -> Path | BinaryIO:
    if isinstance(file.source, Memory):
        raise UsageError(f"{file.name} is no text file: give a path")
    return file.source


def table(source: Source) -> pa.Table:
    """A small table as a whole."""
    file = source if isinstance(source, TableFile) else TableFile(source)
    parts = list(batches(file))
    if not parts or not sum(batch.num_rows for batch in parts):
        raise SuiteError(f"{file.name} has no rows: give a file with data")
    return pa.concat_tables([pa.Table.from_batches([batch]) for batch in parts], promote_options="default")


@contextmanager
def _naming_errors(name: str) -> Iterator[None]:
    """SuiteError, with the name of the file, for whatever readers raise."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise encodings.refusal(name, error) from error
    except UnicodeError as error:
        raise SuiteError(f"{name} cannot be read: {error}; name another --encoding") from error
    except (pa.ArrowException, OSError, EOFError, lzma.LZMAError) as error:
        raise SuiteError(f"{name} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "straddling" in text:
        return csv_rows.TOO_LONG
    return f"{text[:200]}; correct that row or download the file again"


def _kind(file: TableFile, stream: io.BufferedReader) -> str:
    start = stream.peek(1)
    if not start.strip():
        raise SuiteError(f"{file.name} is empty: give a file with data")
    kind = file_kinds.kind_of(start, file.suffix, file.name)
    if kind == file_kinds.ARRAYS:
        raise SuiteError(f"{file.name} holds NumPy arrays, not a table: save it as Parquet or CSV")
    if file_kinds.SUFFIXES.get(file.suffix, kind) != kind:
        file.note(f"format: {kind}, whatever the name says")
    if file.reading.sheet is not None and kind != file_kinds.WORKBOOK:
        raise UsageError(f"{file.name} is {kind} and has no sheets: leave --sheet out")
    if file.reading.no_header and kind not in (file_kinds.CSV, file_kinds.WORKBOOK):
        raise UsageError(f"{file.name} is {kind}, which names its columns: leave --no-header out")
    return kind


def _as_utf8(file: TableFile, stream: io.BufferedReader) -> io.BufferedReader:
    if file.reading.encoding:
        return encodings.as_utf8(stream, encodings.check_encoding(file.reading.encoding))
    found = encodings.detect(stream.peek(1))
    if found != "utf-8":
        file.note(f"encoding: {found}, as its first bytes say")
    text = encodings.as_utf8(stream, found)
    if b"\0" in text.peek(1)[: encodings.SAMPLE]:
        raise SuiteError(f"{file.name} holds zero bytes, so it is no text: give CSV, JSON Lines, Parquet or a workbook")
    return text


def _text_batches(file: TableFile, stream: io.BufferedReader, kind: str) -> Iterator[pa.RecordBatch]:
    text = _as_utf8(file, stream)
    if kind == file_kinds.JSON:
        yield from json_rows.read(text, file.columns, file.name)
        return
    dialect = csv_rows.dialect_of(text, file.name, prefer_tab=file.suffix in (".tsv", ".tab"))
    has_header = _has_header(file, dialect.values, dialect.sample)
    yield from csv_rows.read(text, dialect, has_header, file.name, BLOCK)


def _has_header(file: TableFile, values: list[str], sample: Any) -> bool:
    if file.reading.no_header:
        return False
    if csv_dialect.looks_like_a_row(values, sample):
        file.note(csv_dialect.told(values))
    file.note(csv_dialect.told_unnamed(values))
    return True


def _binary_batches(
    file: TableFile, source: Path | BinaryIO, stream: io.BufferedReader, kind: str, is_packed: bool
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    if kind == file_kinds.WORKBOOK:
        rows, told = workbooks.sheet_rows(stream, file.reading.sheet, file.name)
        file.note(told)
        if rows:
            first = [cell or "" for cell in rows[0]]
            yield from workbooks.batches(rows, _has_header(file, first, rows[1 : 1 + csv_dialect.SAMPLE_ROWS]))
        return
    if kind == file_kinds.ARROW_STREAM:
        yield from pa.ipc.open_stream(stream)
        return
    with _seekable(source, stream, is_packed) as content:
        if kind == file_kinds.FEATHER:
            yield from feather.read_table(content).to_batches(ROWS_PER_BATCH)
        else:
            with parquet.ParquetFile(content) as rows_of_file:
                yield from rows_of_file.iter_batches(ROWS_PER_BATCH)


@contextmanager
def _seekable(source: Path | BinaryIO, stream: io.BufferedReader, is_packed: bool) -> Iterator[Any]:
    """What Arrow can read from its end: the file itself, else a temporary one."""
    if isinstance(source, Path) and source.is_file() and not is_packed:
        yield source
        return
    with tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(stream, unpacked)
        unpacked.seek(0)
        yield unpacked


def _validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch itself; pa.ArrowInvalid for a damaged one, such as text that is not UTF-8."""
    batch.validate(full=True)
    return batch


def _with_checked_names(batch: pa.RecordBatch, file: TableFile) -> pa.RecordBatch:
    """The batch with its columns named as in CSV; SuiteError for two of one name."""
    names = csv_dialect.names(batch.schema.names)
    if len(set(names)) < len(names):
        duplicate = next(column for column in names if names.count(column) > 1)
        raise SuiteError(f"{file.name} has two columns named '{duplicate}': rename one")
    file.note(csv_dialect.told_unnamed(batch.schema.names))
    return batch if names == batch.schema.names else batch.rename_columns(names)
