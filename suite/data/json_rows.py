"""Streaming reader of JSON: one object a line, or a list of objects."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from suite.data.compression import BLOCK
from suite.errors import SuiteError

ROWS_PER_BATCH = 10_000
SPACE = re.compile(r"\s+")
WANTED = "give one object a line, or a list of objects"
# Marks a column of numbers, since text may have a decimal comma and JSON's numbers have not.
PLAIN_NUMBERS = b"plain numbers"


class _Number(str):
    """A number as it is written: some have more digits than Python's numbers keep."""


class _DoubledKey(ValueError):
    """An object has a key twice: one of the values would be lost."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _DoubledKey(f"it has the key '{next(key for key in keys if keys.count(key) > 1)[:50]}' twice")
    return found


DECODER = json.JSONDecoder(
    parse_int=_Number, parse_float=_Number, parse_constant=_Number, object_pairs_hook=_object
)  # fmt: skip
UNREADABLE = (json.JSONDecodeError, RecursionError, _DoubledKey)


def read(file: io.BufferedReader, columns: dict[str, None], name: str) -> Iterator[pa.RecordBatch]:
    """Strings or null in batches; SuiteError for what is no JSON.

    `columns` holds the columns that are known, and gets new ones. Every batch has all that are known so far.
    """
    is_list = file.peek(1).lstrip().startswith(b"[")
    text = io.TextIOWrapper(file, "utf-8", newline=None)
    rows: list[dict[str, Any]] = []
    for number, row in _items(_Scanner(text, name)) if is_list else _lines(text, name):
        if not isinstance(row, dict):
            raise SuiteError(f"{name} line {number} is no JSON object: {WANTED}")
        rows.append(row)
        if len(rows) == ROWS_PER_BATCH:
            yield _string_batch(rows, columns, name)
            rows = []
    if rows:
        yield _string_batch(rows, columns, name)


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text, 1):
        if line.strip():
            try:
                row = DECODER.decode(line)
            except UNREADABLE as error:
                raise _no_json(_reason(error), number, name) from error
            yield number, row


def _no_json(reason: str, number: int, name: str) -> SuiteError:
    return SuiteError(f"{name} line {number} is not JSON ({reason}): {WANTED}")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


class _Scanner:
    """A JSON document that is read in blocks; `line` is the number of the line that is reached."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self._text, self._name = text, name
        self._content, self._at, self.line = "", 0, 1

    def next(self) -> str:
        """The next character that is no space, which is not consumed; empty at the end."""
        while True:
            space = SPACE.match(self._content, self._at)
            self._advance(space.end() if space else self._at)
            if self._at < len(self._content):
                return self._content[self._at]
            if not self._read_more():
                return ""

    def skip(self) -> None:
        """Consume a character."""
        self._at += 1

    def value(self) -> Any:
        """Consume a value."""
        while True:
            try:
                found, end = DECODER.raw_decode(self._content, self._at)
            except UNREADABLE as error:
                if not isinstance(error, json.JSONDecodeError) or not self._read_more():
                    raise self.error(_reason(error)) from error
            else:
                self._advance(end)
                return found

    def error(self, reason: str) -> SuiteError:
        """An error at the line that is reached."""
        return _no_json(reason, self.line, self._name)

    def _advance(self, end: int) -> None:
        self.line += self._content.count("\n", self._at, end)
        self._at = end

    def _read_more(self) -> bool:
        more = self._text.read(BLOCK)
        self._content, self._at = self._content[self._at :] + more, 0
        return bool(more)


def _items(scanner: _Scanner) -> Iterator[tuple[int, Any]]:
    """The items of a list, each with the number of its line."""
    scanner.next()
    scanner.skip()
    while scanner.next() != "]":
        yield scanner.line, scanner.value()
        if scanner.next() == ",":
            scanner.skip()
        elif scanner.next() != "]":
            raise scanner.error("a comma or the end of the list is missing")
    scanner.skip()
    if scanner.next():
        raise scanner.error("more follows after the list")


def _string_batch(rows: list[dict[str, Any]], columns: dict[str, None], name: str) -> pa.RecordBatch:
    columns.update(dict.fromkeys(key for row in rows for key in row))
    fields, arrays = [], []
    try:
        for key in columns:
            cells = [row.get(key) for row in rows]
            are_numbers = all(cell is None or isinstance(cell, _Number) for cell in cells)
            fields.append(pa.field(key, pa.string(), metadata={PLAIN_NUMBERS: b""} if are_numbers else None))
            arrays.append(pa.array([_string(cell, key, name) for cell in cells], pa.string()))
    except UnicodeEncodeError as error:
        raise SuiteError(
            f"{name} has half of a pair of surrogates in a text (\\ud800 to \\udfff): correct it"
        ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _string(value: Any, key: str, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        raise SuiteError(f"{name} has a nested value under '{key}': give plain values only")
    return str(value).lower()
