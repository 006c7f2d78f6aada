"""Reads the store, which is the folder of models: names, versions, labels and settings."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from serving.models import settings as model_settings
from serving.models.settings import ModelSettings
from suite import labels, model_folders
from suite.errors import SuiteError
from suite.labels import Label
from suite.model_folders import PassedOver

# A version with more files than this is refused.
MAX_FILES = 10_000
# Folders without models that are reported. If a wrong folder is given as the store, it may hold thousands.
MAX_PASSED_OVER = 100
OUTSIDE_LINK = "it is a link out of the store: put the folder itself there, or link the model's folder instead"
FOREIGN_LINK = "it is a link out of the store that is not of the store's owner: put the folder itself there"

# For each file of a version: its path, size, modification time in nanoseconds and inode.
Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class VersionFolder:
    """The folder of a version with all links resolved, and its name in the store (NAME/VERSION)."""

    path: Path
    shown: str


@dataclass(frozen=True)
class Entry:
    """One model in the store.

    If its settings or labels are invalid, all of them are ignored, and the complaint says why.
    """

    versions: dict[int, VersionFolder]
    labels: dict[str, Label] = field(default_factory=dict)
    labels_complaint: str = ""
    settings: ModelSettings = field(default_factory=ModelSettings)
    settings_complaint: str = ""


@dataclass(frozen=True)
class Listing:
    """The content of a store: models by name, folders that were passed over, and names that are `unreadable` now."""

    entries: dict[str, Entry] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()
    unreadable: frozenset[str] = frozenset()


class Store:
    """The models in a folder.

    The folder may be a link that is switched from one release to the next, and so may the folder of a model. The link
    of a model may lead out of the store if it belongs to the owner of the store, to root or to the user of the service.
    Versions and their files may be links within the store or within the folder of the model.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def look(self) -> Listing:
        """List everything in the store; raise OSError if it cannot be read."""
        # Resolve links once, so that a listing never mixes two releases.
        root = self._root()
        found, passed_over = model_folders.list_models(root)
        entries = {}
        for name, versions in found.items():
            entry, others = self._entry(root, name, versions)
            passed_over += others
            if entry.versions:
                entries[name] = entry
        passed_over.sort(key=lambda one: one.folder)
        unreadable = frozenset(one.folder for one in passed_over if one.unreadable)
        return Listing(entries, tuple(passed_over[:MAX_PASSED_OVER]), unreadable)

    def entry(self, name: str) -> Entry:
        """Return one model, without versions if it does not exist."""
        try:
            root = self._root()
            return self._entry(root, name, model_folders.list_versions(root / name)[0])[0]
        except OSError:
            return Entry({})

    def serve(self, name: str, served: bool) -> None:
        """Write to a model's settings whether it is served; raise SuiteError or OSError."""
        parent = self.folder / name
        try:
            model_settings.put(parent, [f"served={'' if served else 'false'}"])
        except SuiteError as error:
            raise SuiteError(_public(error, parent)) from error

    def check_files(self, folder: VersionFolder) -> None:
        """Raise SuiteError if a version holds a link out of the store, or anything but files and folders."""
        allowed = (Path(os.path.realpath(self.folder)), folder.path, folder.path.parent)
        for path, found in _walk(folder.path):
            shown = f"{folder.shown}/{model_folders.printable(path)}"
            if not _is_within(folder.path / path, *allowed):
                raise SuiteError(f"{shown} is a link out of the store: put the file itself there")
            if found is None:
                raise SuiteError(f"{shown} is a link that leads nowhere: put the file itself there")
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise SuiteError(f"{shown} is no regular file: remove it")

    def _root(self) -> Path:
        """Return the folder with all links resolved; raise OSError if it does not exist."""
        return Path(os.path.realpath(self.folder, strict=True))

    def _entry(self, root: Path, name: str, versions: dict[int, Path]) -> tuple[Entry, list[PassedOver]]:
        parent = root / name
        real_parent = Path(os.path.realpath(parent))
        if not (_is_within(parent, root) or _is_of_operator(parent, root)):
            return Entry({}), [PassedOver(name, FOREIGN_LINK)]
        found, passed_over = {}, []
        for number, path in versions.items():
            shown = f"{name}/{path.name}"
            if _is_within(path, root, real_parent):
                found[number] = VersionFolder(Path(os.path.realpath(path)), shown)
            else:
                passed_over.append(PassedOver(shown, OUTSIDE_LINK))
        known, labels_complaint = _labels(parent)
        settings, settings_complaint = _settings(parent)
        entry = Entry(found, known, labels_complaint, settings, settings_complaint)
        return entry, passed_over


def stamp(folder: Path) -> Stamp:
    """Return a value that changes when a file of the version changes."""
    return tuple(
        (path, found.st_size, found.st_mtime_ns, found.st_ino) if found else (path, 0, 0, 0)
        for path, found in _walk(folder)
        if not (found and stat.S_ISDIR(found.st_mode))
    )


def grows(before: Stamp, now: Stamp) -> bool:
    """Return whether the files of a version have only grown, as they do while they are being copied.

    Comparing inodes alone is not enough, because those of deleted files are reused.
    """
    found = {path: (size, changed, inode) for path, size, changed, inode in now}
    any_larger = False
    for path, size, changed, inode in before:
        later = found.get(path)
        if later is None or later[2] != inode or later[0] < size or (later[0] == size and later[1] != changed):
            return False
        any_larger |= later[0] > size
    return any_larger


def last_change(folder: Path) -> float:
    """Return when something in a version last changed, in seconds since 1970.

    This is the change time of the inodes, because a copy may keep the older modification times of its source.
    """
    times = [found.st_ctime for _, found in _walk(folder) if found]
    with suppress(OSError):
        times.append(folder.stat().st_ctime)
    return max(times, default=0.0)


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield path and status of everything in a folder, following links; the status of a broken link is None.

    Raise SuiteError if there are too many files. This runs every second for every version in use, so it does not use
    `pathlib`, which takes several times as long.
    """
    root, waiting, count = os.fspath(folder), [""], 0
    # A link may point back to a folder above it.
    seen: set[tuple[int, int]] = set()
    while waiting:
        within = waiting.pop()
        for name in _names(f"{root}/{within}"):
            count += 1
            if count > MAX_FILES:
                raise SuiteError(f"{folder} holds more than {MAX_FILES:,} files: a version has fewer")
            path = within + name
            try:
                found = os.stat(f"{root}/{path}")
            except OSError:
                yield path, None
                continue
            yield path, found
            if stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                waiting.append(f"{path}/")


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        # It was deleted or became unreadable a moment ago.
        return []


def _is_within(path: Path, *folders: Path) -> bool:
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(folder) for folder in folders)


def _is_of_operator(link: Path, root: Path) -> bool:
    """Return whether a link belongs to root, to the user of the service or to the owner of the store.

    Other users who may write to the store must not make the service read files that they cannot read themselves.
    """
    return link.lstat().st_uid in (0, os.geteuid(), root.stat().st_uid)


def _labels(parent: Path) -> tuple[dict[str, Label], str]:
    try:
        return labels.read(parent), ""
    except SuiteError as error:
        return {}, _public(error, parent)


def _settings(parent: Path) -> tuple[ModelSettings, str]:
    try:
        return model_settings.read(parent), ""
    except SuiteError as error:
        return ModelSettings(), _public(error, parent)


def _public(error: SuiteError, parent: Path) -> str:
    """Return the message of an error without the path of the store, which only concerns the operator."""
    return str(error).replace(f"{parent.parent}{os.sep}", "")
