"""The source of data, as the card records it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError


def check_source(source: Path, may_be_pipe: bool = False) -> Path:
    """The path itself; SuiteError if it does not exist, is an empty file, or is a pipe where it is read twice."""
    if not source.exists():
        raise UsageError(f"there is nothing at {source}: give a path that exists, or a name from 'suite data list'")
    if not may_be_pipe and not source.is_file() and not source.is_dir():
        raise UsageError(f"{source} is a pipe, which can be read only once: save it to a file first")
    if source.is_file() and not source.stat().st_size:
        raise SuiteError(f"{source} is empty: give a file with data")
    return source


def describe(
    source: Path,
    rows: Mapping[Any, np.ndarray],
    detected: list[str],
    options: DataOptions,
    label_column: str | None = None,
) -> dict[str, Any]:
    """The card's `data`: path, sha256, rows by split, label column (if there is one), detections, options given."""
    return {
        "path": str(source),
        "sha256": _hash(source),
        "rows": {name: len(split) for name, split in rows.items()},
        "label_column": label_column,
        "detected": detected,
        "options": options.given(),
    }


def _hash(source: Path) -> str:
    """The sha256 of a file's content, or of the names and sizes of the files in a folder."""
    if source.is_file():
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(source).as_posix()}\0{path.stat().st_size}\n".encode())
    return digest.hexdigest()
