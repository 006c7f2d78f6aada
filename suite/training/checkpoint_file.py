"""The file of a training's state: what is in it, and whether it belongs to the training that is to resume."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import SuiteError

# Of the settings that identify a training or a search.
PATH, CONTENT = "data.path", "data.sha256"


def read(file: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays in the file, and its other state; SuiteError if it is damaged."""
    with _opened(file) as saved:
        arrays = dict(saved)
        return arrays, _state(arrays)


def read_settings(file: Path) -> dict[str, Any]:
    """The settings of the training whose state is in the file; SuiteError if it is damaged."""
    with _opened(file) as saved:
        settings: dict[str, Any] = _state(saved)["settings"]
        return settings


def has_settings(file: Path, settings: dict[str, Any]) -> bool:
    """Whether the file is the state of a training with these settings."""
    try:
        return _difference(settings, read_settings(file)) is None
    except SuiteError:
        return False


def damage_error(file: Path, reason: object) -> SuiteError:
    """The error for a file that is not as it was written."""
    return SuiteError(f"{file} is damaged ({reason}): leave --resume out to begin again")


def check_same_settings(what: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """SuiteError if the settings of a training or a search to resume differ from ours."""
    difference = _difference(ours, theirs)
    if not difference:
        return
    name, now, then = difference
    if name == CONTENT:
        raise SuiteError(
            f"the data of the {what} to resume has changed since (its sha256 differs): bring it back as it was, or "
            "leave --resume out to begin again"
        )
    raise SuiteError(
        f"the {what} to resume had {name} {then}, and this one has {now}: give the same options as then, or leave "
        "--resume out to begin again"
    )


def _difference(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[str, Any, Any] | None:
    """The first difference between settings; data may have moved as long as its content is the same."""
    difference = _first_difference(json.loads(json.dumps(ours)), theirs)
    if difference and difference[0] == PATH and ours["data"]["sha256"] == theirs["data"].get("sha256"):
        moved = {**theirs, "data": {**theirs["data"], "path": ours["data"].get("path")}}
        return _difference(ours, moved)
    return difference


def _first_difference(ours: Any, theirs: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """The first difference between two JSON objects: its dotted path, and both values; None if they are equal."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return None if ours == theirs else (name, ours, theirs)
    for key in ours | theirs:
        difference = _first_difference(ours.get(key), theirs.get(key), f"{name}.{key}".lstrip("."))
        if difference:
            return difference
    return None


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """The arrays in a file; SuiteError if they cannot be read in this block."""
    try:
        # NumPy would try to read it as a pickle.
        if not zipfile.is_zipfile(file):
            raise ValueError("not an archive")
        with np.load(file, allow_pickle=False) as saved:
            yield saved
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise damage_error(file, error) from error


def _state(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    if "state" not in arrays:
        raise ValueError("'state' is not in it")
    state: dict[str, Any] = json.loads(arrays["state"].tobytes())
    return state
