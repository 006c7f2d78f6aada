"""Streaming reader of CSV: strings in batches, with names from the first line."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from suite.data import csv_dialect
from suite.data.compression import BLOCK
from suite.data.csv_dialect import NO_DELIMITER, Dialect
from suite.errors import SuiteError

# So much of a file shows its dialect.
START = 1 << 20
# A quoted value, or the start of one that is cut off. Only a quote at the start of a value opens one.
QUOTED = rb'(?:\A|(?<=[%s\r\n]))"[^"]*+(?:""[^"]*+)*+"?'
TOO_LONG = f"one of its rows is longer than {BLOCK >> 20} MB: shorten it, or bring JSON Lines or Parquet"


def dialect_of(file: io.BufferedReader, name: str, prefer_tab: bool) -> Dialect:
    """The dialect of a stream of UTF-8, of which nothing is consumed; UnicodeDecodeError for other text."""
    start = file.peek(1)[:START]
    # The last character may be cut off.
    text = codecs.getincrementaldecoder("utf-8")().decode(start, final=len(start) < START)
    return csv_dialect.detect(text, name, prefer_tab)


def read(
    file: io.BufferedReader, dialect: Dialect, has_header: bool, name: str, block: int = BLOCK
) -> Iterator[pa.RecordBatch]:
    """Strings in batches, from about `block` bytes each.

    pa.ArrowException, UnicodeDecodeError or SuiteError for what cannot be read.
    """
    names = csv_dialect.names(dialect.values if has_header else [""] * len(dialect.values))
    file.read(dialect.lead + (dialect.header if has_header else 0))
    is_single = dialect.delimiter == NO_DELIMITER
    done = int(has_header)
    for part in _whole_rows(file, dialect.delimiter.encode(), name, block):
        # An empty line is an empty value where there is one column, else nothing. Tabs may be empty values.
        if not is_single and not part.strip(b"\r\n"):
            continue
        part.decode()
        before = done
        try:
            for batch in arrow_csv.open_csv(
                _arrow_stream(part),
                arrow_csv.ReadOptions(block_size=BLOCK, column_names=names, use_threads=False),
                arrow_csv.ParseOptions(
                    delimiter=dialect.delimiter, newlines_in_values=True, ignore_empty_lines=not is_single
                ),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
            ):
                done += batch.num_rows
                yield batch
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(_shift_row_numbers(str(error), before)) from error


def _shift_row_numbers(text: str, before: int) -> str:
    """Arrow's error with row numbers of the whole file, for a part with this many rows before it."""
    return re.sub(r"Row #(\d+)", lambda match: f"Row #{before + int(match[1])}", text)


def _whole_rows(file: io.BufferedReader, delimiter: bytes, name: str, size: int) -> Iterator[bytes]:
    """A stream of CSV in parts of whole rows.

    Arrow reads ahead in a thread. A thread that waits for a Python stream while the process exits after an error
    aborts the process.
    """
    quoted = re.compile(QUOTED % re.escape(delimiter))
    rest = b""
    while block := file.read1(size):
        block = rest + block
        # Line ends within quotes do not end a row.
        outside = quoted.sub(lambda match: b" " * len(match[0]), block) if b'"' in block else block
        # A return at the end may be the first half of a line end.
        end = (outside.rfind(b"\n") + 1) or (outside.rfind(b"\r", 0, len(block) - 1) + 1)
        if not end and len(block) > size:
            raise SuiteError(f"{name} cannot be read: {TOO_LONG}")
        if end:
            yield block[:end]
        rest = block[end:]
    if rest:
        yield rest


def _arrow_stream(content: bytes) -> Any:
    memory = pa.BufferOutputStream()
    memory.write(content)
    return pa.BufferReader(memory.getvalue())
