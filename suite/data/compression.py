"""Packed files, told by their first bytes: gzip, zstd, xz and bzip2."""

import io
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

BLOCK = 4 << 20
SUFFIXES = (".gz", ".zst", ".xz", ".bz2")
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\0": "xz", b"BZh": "bz2"}


class _RawStream(io.RawIOBase):
    """An Arrow or Python stream for Python's buffered reader; its buffer is filled unless the stream ends."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        filled = 0
        while filled < len(buffer) and (content := self._file.read(len(buffer) - filled)):
            buffer[filled : filled + len(content)] = content
            filled += len(content)
        return filled


def buffered(file: Any) -> io.BufferedReader:
    """A reader of the stream, whose `peek` gives a whole block unless the stream is shorter."""
    return io.BufferedReader(_RawStream(file), BLOCK)


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[tuple[io.BufferedReader, bool]]:
    """The unpacked bytes of a file or a stream, and whether they were packed.

    The source is opened and read once, so that it may be a pipe.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield _unpacked(buffered(file))
    else:
        yield _unpacked(buffered(source))


def _unpacked(file: io.BufferedReader) -> tuple[io.BufferedReader, bool]:
    start = file.peek(1)
    packing = next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)
    if packing is None:
        return file, False
    if packing == "xz":
        return buffered(lzma.LZMAFile(file)), True
    # Arrow, unlike zstandard, notices a file that is cut short.
    return buffered(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), packing)), True


def suffix_of(path: Path) -> str:
    """The last suffix of a file's name in lower case, without that of its packing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
