"""Folds: several splits of the same rows, for cross-validation and for scores out of fold."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from suite.data import splits
from suite.data.dataset import Dataset
from suite.data.splits import Rows
from suite.data.truth import are_labels, strata
from suite.errors import SuiteError


def folds(dataset: Dataset, count: int, seed: int) -> Iterator[Rows]:
    """`count` splits of all rows, for cross-validation.

    Rows with a time have expanding windows, each tested on the period after it. Groups are tested whole, each once.
    Other rows are stratified, and each is tested once. Validation rows are taken from the training rows.
    """
    y = dataset.y
    if dataset.order is not None:
        yield from _windows(dataset, dataset.order, count)
    elif dataset.groups is not None:
        for rest, test in splits.by_group(np.arange(len(y)), y, dataset.groups, count, seed):
            train, validation = next(
                splits.by_group(rest, y, dataset.groups, round(1 / splits.VALIDATION_SHARE), seed + 1)
            )
            rows: Rows = {"train": train, "validation": validation, "test": test}
            splits.check_groups(rows, y, dataset.labels)
            yield rows
    else:
        _check_folds(dataset, count)
        part = _stratified_parts(y, count, seed)
        for fold in range(count):
            yield splits.beside_test_rows(y, dataset.labels, np.flatnonzero(part == fold), seed)


def _check_folds(dataset: Dataset, count: int) -> None:
    """SuiteError if a class has too few rows for so many folds."""
    labels = [] if are_labels(dataset.y) else dataset.labels
    rows = np.bincount(strata(dataset.y), minlength=len(labels)) if labels else np.array([len(dataset.y)])
    smallest = int(rows.argmin())
    if rows[smallest] <= count:
        what = f"class '{labels[smallest]}'" if labels else "the data"
        raise SuiteError(
            f"{what} has {rows[smallest]} rows, too few for {count} folds: ask for fewer with --cv, or add rows"
        )


def inner_folds(dataset: Dataset, count: int, seed: int) -> list[Rows]:
    """`count` splits of the training and validation rows, for cross-validation; the test rows stay."""
    known = dataset.known_rows
    order = None if dataset.order is None else np.searchsorted(known, dataset.order[np.isin(dataset.order, known)])
    groups = None if dataset.groups is None else dataset.groups[known]
    part = replace(dataset, y=dataset.y[known], order=order, groups=groups)
    return [
        {
            "train": known[np.sort(np.concatenate([rows["train"], rows["validation"]]))],
            "validation": known[rows["test"]],
            "test": dataset.rows["test"],
        }
        for rows in folds(part, count, seed)
    ]


def out_of_fold(dataset: Dataset, count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """About `count` pairs of the rest and a part of the training rows, each of which is in one part.

    Rows with a time are parted in time, groups are whole, and other rows are stratified. Empty if there are too few
    groups for two parts.
    """
    rows, y = dataset.rows["train"], dataset.y
    if dataset.order is not None:
        parts = np.array_split(dataset.order[np.isin(dataset.order, rows)], count)
        return [(np.setdiff1d(rows, part), np.sort(part)) for part in parts]
    if dataset.groups is not None:
        largest_class = np.bincount(strata(y[rows])).max()
        count = min(count, len(np.unique(dataset.groups[rows])), int(largest_class))
        return list(splits.by_group(rows, y, dataset.groups, count, seed)) if count > 1 else []
    part_of = _stratified_parts(y[rows], count, seed)
    return [(rows[part_of != part], rows[part_of == part]) for part in range(count)]


def _windows(dataset: Dataset, order: np.ndarray, count: int) -> Iterator[Rows]:
    """Expanding windows in time, each tested on the block after it."""
    blocks = np.array_split(order, count + 1)
    for index in range(1, count + 1):
        past = np.concatenate(blocks[:index])
        end = round((1 - splits.VALIDATION_SHARE) * len(past))
        rows: Rows = {"train": past[:end], "validation": past[end:], "test": blocks[index]}
        for name, split in rows.items():
            if not are_labels(dataset.y) and len(np.unique(dataset.y[split])) < len(dataset.labels):
                raise SuiteError(
                    f"in window {index} of {count} in time, the {name} rows lack a class: ask for fewer windows with "
                    "--cv, or bring more data"
                )
        yield rows


def _stratified_parts(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each row: the rows of each class, in random order, go to the folds in turn."""
    generator = np.random.default_rng(seed)
    part, y = np.empty(len(y), np.int64), strata(y)
    dealt = 0
    for label in np.unique(y):
        members = generator.permutation(np.flatnonzero(y == label))
        part[members] = (np.arange(len(members)) + dealt) % count
        dealt += len(members)
    return part
