"""Validation and test rows in files of their own: read like the rows of the data, and joined to them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from suite.data import row_keys, splits, truth
from suite.data.dataset import Dataset, SplitName
from suite.data.memory import Memory
from suite.data.options import SPLIT_OPTIONS, DataOptions
from suite.data.source import Source
from suite.errors import SuiteError, UsageError

Read = Callable[[Source, DataOptions], Dataset]
# Options that only choose columns or splits of the data itself.
OF_DATA = ("time_column", "group_column", "date_order", "positive", "image_size", "task")


def check(options: DataOptions) -> None:
    """UsageError for a split that would have no rows to split."""
    if options.split and options.validation and options.test:
        raise UsageError(
            f"--split {options.split} says nothing where --validation and --test name the rows: leave it out"
        )


def join(dataset: Dataset, options: DataOptions, read: Read) -> Dataset:
    """The data with the rows of the files that the options name; the data itself if they name none.

    SuiteError for a class that only a file has, and for a column that it lacks.
    """
    files: dict[SplitName, str | Memory | None] = {"validation": options.validation, "test": options.test}
    for split, path in files.items():
        if path:
            dataset = _add(dataset, split, _read(dataset, split, path, options, read), options)
    return dataset


def _read(dataset: Dataset, split: SplitName, path: str | Memory, options: DataOptions, read: Read) -> Dataset:
    label, text = dataset.source.get("label_column"), dataset.source.get("text_column")
    others: dict[str, Any] = dict.fromkeys((*OF_DATA, *SPLIT_OPTIONS))
    like_the_data = replace(
        options, **others, inputs=tuple(dataset.specs), label_column=label, text_column=text, picture=dataset.picture,
        known_label=label, undivided=True, known_task=truth.task_of(dataset.y),
    )  # fmt: skip
    try:
        found = read(path if isinstance(path, Memory) else Path(path), like_the_data)
    except SuiteError as error:
        raise type(error)(f"--{split}{'' if str(path) in str(error) else f' {path}'}: {error}") from error
    strange = truth.unfamiliar(found.y, found.labels, dataset.labels)
    if strange:
        raise SuiteError(
            f"--{split} {path} has labels that the data does not have: {', '.join(strange[:5])} (it has "
            f"{', '.join(dataset.labels[:10])}): correct them, or add rows of them to --data"
        )
    return replace(found, y=truth.translate(found.y, found.labels, dataset.labels))


def _add(dataset: Dataset, split: SplitName, file: Dataset, options: DataOptions) -> Dataset:
    """The data with a file's rows after its own, in one split; all rows are in the test split if undivided."""
    count, more = len(dataset.y), len(file.y)
    added, groups = np.arange(count, count + more), dataset.groups
    joined = replace(
        dataset,
        inputs={name: np.concatenate([values, file.inputs[name]]) for name, values in dataset.inputs.items()},
        y=np.concatenate([dataset.y, file.y]),
        rows=splits.undivided(count + more) if options.undivided else dataset.rows | {split: added},
        order=None if dataset.order is None else np.concatenate([dataset.order, added]),
        groups=None if groups is None else np.concatenate([groups, groups.max() + 1 + np.arange(more)]),
        notes=[*dataset.notes, *file.notes],
        files=[*map(dataset.file_of, range(count)), *file.files] if file.files else dataset.files,
    )  # fmt: skip
    told = [
        f"{split} rows: {file.source.get('name') or file.source['path']} ({more:,} rows)",
        *file.notes,
        *_repeated(joined, split, added),
    ]
    record = {key: file.source[key] for key in ("path", "name", "sha256") if key in file.source} | {"rows": more}
    joined.detected = [*dataset.detected, *told]
    joined.source = dataset.source | {
        "rows": {name: len(rows) for name, rows in joined.rows.items()},
        "files": dataset.source.get("files", {}) | {split: record},
        "detected": joined.detected,
    }
    return joined


def _repeated(dataset: Dataset, split: SplitName, added: np.ndarray) -> list[str]:
    """A note on rows of a file that the data has too, among those that a network learns from."""
    known = [rows for name, rows in dataset.rows.items() if name not in (split, "test")]
    known_rows = np.concatenate([*known, np.arange(0)])
    repeated = int(np.isin(row_keys.row_keys(dataset, added), row_keys.row_keys(dataset, known_rows)).sum())
    if not repeated:
        return []
    return [
        f"{split} rows that are among the rows to learn from too: {repeated:,} of {len(added):,}; figures on them "
        "look better than they are"
    ]
