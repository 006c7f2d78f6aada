"""The source of data, as the card records it."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.memory import Memory
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError

Source = Path | Memory
THREADS = 4
FILES_AT_ONCE = 256


def check_source(source: Source, may_be_pipe: bool = False) -> Source:
    """The source itself; errors of `check_path` if it is a path."""
    return source if isinstance(source, Memory) else check_path(source, may_be_pipe)


def check_path(source: Path, may_be_pipe: bool = False) -> Path:
    """The path itself; SuiteError if it does not exist, is an empty file, or has a name that no card can hold.

    Also if it is a pipe, where it is read twice.
    """
    if not source.exists():
        raise UsageError(f"there is nothing at {source}: give a path that exists, or a name from 'suite data list'")
    if not may_be_pipe and not source.is_file() and not source.is_dir():
        raise UsageError(f"{source} is a pipe, which can be read only once: save it to a file first")
    if source.is_file() and not source.stat().st_size:
        raise SuiteError(f"{source} is empty: give a file with data")
    shown = str(source).encode("utf-8", "replace").decode()
    if shown != str(source):
        raise SuiteError(f"the name of {shown} is not UTF-8: rename it")
    return source


def describe(
    source: Source,
    rows: Mapping[Any, np.ndarray],
    detected: list[str],
    options: DataOptions,
    label_column: str | None = None,
    files: Sequence[Path] = (),
    text_column: str | None = None,
) -> dict[str, Any]:
    """The card's `data`: path, sha256, rows by split, columns of label and text (if any), detections, options given.

    Data in memory has a name in place of a path. `files` are those that were read besides the
    source itself: the files in a folder, or those that a table lists.
    """
    if isinstance(source, Memory):
        content = source.sha256()
        place = {"name": f"{source.words.removeprefix('the ')} {content[:8]}", "in_memory": True}
    else:
        content, place = content_hash(source, files), {"path": str(source)}
    return {
        **place,
        "sha256": content,
        "rows": {name: len(split) for name, split in rows.items()},
        "label_column": label_column,
        **({"text_column": text_column} if text_column else {}),
        "detected": detected,
        "options": options.given(),
    }


def content_hash(source: Path, files: Sequence[Path] = ()) -> str:
    """The sha256 of a file's content; with `files`, that of the names and contents of all of them."""
    if not files:
        return _digest(source).hex()
    listed = list(dict.fromkeys(files if source.is_dir() else [source, *files]))
    total = hashlib.sha256()
    for name, digest in zip(names_within(source, listed), _digests(listed), strict=True):
        total.update(os.fsencode(f"{name}\0{digest.hex()}\n"))
    return total.hexdigest()


def names_within(source: Path, files: Sequence[Path]) -> list[str]:
    """Of each path what follows the source, or the folder of a source that lists files."""
    # Pathlib takes longer for this than reading a small file does.
    start = f"{source if source.is_dir() else source.parent}{os.sep}"
    return [str(path).removeprefix(start) for path in files]


def _digests(paths: list[Path]) -> Iterator[bytes]:
    """The digest of each file, in order; several are read at a time, and many for each call of a thread."""
    chunks = [paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE)]
    with ThreadPoolExecutor(THREADS) as pool:
        for digests in pool.map(lambda chunk: [_digest(path) for path in chunk], chunks):
            yield from digests


def _digest(path: Path) -> bytes:
    """The sha256 of a file's content; nothing for a file that cannot be read, which readers name."""
    try:
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""
