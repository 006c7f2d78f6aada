"""Finds the models and versions in a store.

A store has a folder for each model, which has a folder for each version, named by its number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from suite import files

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ALLOWED = "letters, digits, '.', '_' and '-', at most 64 of them, a letter or digit first"
VERSION = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class PassedOver:
    """A folder that is no model or no version, and why. If it is `unreadable`, that may be for a moment only."""

    folder: str
    reason: str
    unreadable: bool = False


def list_models(models: Path) -> tuple[dict[str, dict[int, Path]], list[PassedOver]]:
    """The folders of the versions of each model by name, and the folders that were passed over; OSError.

    Hidden folders are ignored.
    """
    found: dict[str, dict[int, Path]] = {}
    others: list[PassedOver] = []
    for path in _visible(models):
        shown = printable(path.name)
        try:
            reason = _no_model(path)
            there, passed_over = ({}, []) if reason else list_versions(path)
        except OSError as error:
            others.append(PassedOver(shown, f"it cannot be read ({files.explain(error)})", unreadable=True))
            continue
        if there:
            found[path.name] = there
            others += passed_over
        elif path.is_dir() or path.is_symlink():
            reason = reason or f"there is no version in it: put the files of the first into {shown}/1"
            others.append(PassedOver(shown, reason))
    return found, others


def list_versions(parent: Path) -> tuple[dict[int, Path], list[PassedOver]]:
    """The folders of the versions of a model by number, and the folders that were passed over; OSError.

    As in TensorFlow Serving, `00000123` is version 123. If two folders have the same number, the shorter name wins.
    """
    found: dict[int, Path] = {}
    others: list[PassedOver] = []
    for path in sorted(_visible(parent), key=lambda path: (len(path.name), path.name)):
        reason = _no_version(path, found)
        if not reason:
            found[int(path.name)] = path
        elif path.is_dir() or VERSION.fullmatch(path.name):
            others.append(PassedOver(f"{printable(parent.name)}/{printable(path.name)}", reason))
    return dict(sorted(found.items())), others


def printable(name: str) -> str:
    """A file's name that is safe to log: characters that cannot be printed become question marks."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))


def _no_model(path: Path) -> str:
    """Why this is not the folder of a model; empty if it may be one."""
    if not path.is_dir():
        return "it is a link that leads to no folder"
    return "" if NAME.fullmatch(path.name) else f"its name cannot be a model's: use {ALLOWED}"


def _no_version(path: Path, found: dict[int, Path]) -> str:
    """Why this is not the folder of a version, or not a further one; empty if it is."""
    if not VERSION.fullmatch(path.name):
        return "its name is no version number: use digits, at most 18 of them"
    if not path.is_dir():
        return "it is no folder: put the files of the version into one"
    number = int(path.name)
    return f"it is version {number} too, for which {found[number].name} is taken" if number in found else ""
