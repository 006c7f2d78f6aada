"""Folders with a sub-folder for each class, optionally within sub-folders for each split."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from suite.data import splits, walk
from suite.data.options import DataOptions
from suite.errors import SuiteError, listed


@dataclass
class LabelledFiles:
    """Files and their classes; `given_splits` is the split of each file, or "" if it has none.

    `label_column` is the column of the classes if a table lists the files.
    """

    paths: list[Path]
    y: np.ndarray
    labels: list[str]
    given_splits: np.ndarray
    detected: list[str] = field(default_factory=list)
    label_column: str | None = None

    def select(self, kept: np.ndarray) -> "LabelledFiles":
        """The files of these numbers."""
        paths = [self.paths[index] for index in kept]
        return replace(self, paths=paths, y=self.y[kept], given_splits=self.given_splits[kept])

    def rows(self, options: DataOptions) -> splits.Rows:
        """The rows of each split; see suite.data.splits.as_given."""
        return splits.as_given(self.y, self.labels, self.given_splits, options, "files")


def read_class_folders(source: Path, suffixes: tuple[str, ...]) -> LabelledFiles:
    """Every file with one of the suffixes below SOURCE/CLASS/ or SOURCE/SPLIT/CLASS/, sorted by name."""
    folders = walk.class_folders(source, suffixes)
    if not folders:
        raise SuiteError(f"{source} has no sub-folders: put the files of each class into a folder named after it")
    by_split = {folder: splits.WORDS[folder.name.lower()] for folder in folders if folder.name.lower() in splits.WORDS}
    detected = []
    classes: list[tuple[Path, str]]
    if by_split and "train" in by_split.values() and any(walk.class_folders(folder, suffixes) for folder in by_split):
        classes = [(path, split) for folder, split in by_split.items() for path in walk.class_folders(folder, suffixes)]
        detected.append(f"splits: {', '.join(folder.name for folder in by_split)} as given")
        ignored = [folder.name for folder in folders if folder not in by_split]
        if ignored:
            detected.append(f"ignored folders: {', '.join(ignored)}")
    else:
        classes = [(path, "") for path in folders]
    return _collect(source, classes, suffixes, detected)


def _collect(
    source: Path, classes: list[tuple[Path, str]], suffixes: tuple[str, ...], detected: list[str]
) -> LabelledFiles:  # fmt: skip
    paths: list[Path] = []
    names: list[str] = []
    given_splits: list[str] = []
    unread = set[str]()
    others = hidden = 0
    for folder, split in classes:
        files, hidden_here = walk.files_below(folder)
        matching = [path for path in files if path.suffix.lower() in suffixes]
        paths += matching
        names += [folder.name] * len(matching)
        given_splits += [split] * len(matching)
        others += len(files) - len(matching)
        unread.update(path.suffix.lower() for path in files if path.suffix.lower() not in ("", *suffixes))
        hidden += hidden_here
    if not paths:
        found = f", only {listed(sorted(unread))}" if unread else ""
        raise SuiteError(f"{source} holds no {', '.join(suffixes)} files in its class folders{found}: add some")
    empty = {folder.name for folder, _ in classes} - set(names)
    if empty:
        detected.append(f"empty folders ignored: {', '.join(sorted(empty))}")
    if others:
        detected.append(f"other files ignored: {others:,}")
    if hidden:
        detected.append(f"hidden files ignored: {hidden:,}")
    dotted = sorted({name for name in names if name.startswith(".")})
    if dotted:
        detected.append(f"classes whose name begins with a dot: {', '.join(dotted)}")
    labels = sorted(set(names))
    number = {label: index for index, label in enumerate(labels)}
    y = np.array([number[name] for name in names], np.int32)
    return LabelledFiles(paths, y, labels, np.array(given_splits), detected)
