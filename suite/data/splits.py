"""Splits into training, validation and test rows: disjoint, complete, and the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from suite.data.dataset import Dataset, SplitName
from suite.data.memory import Memory
from suite.data.options import RANDOM, DataOptions
from suite.data.truth import are_labels, is_numbers, strata
from suite.errors import SuiteError, UsageError

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.2
# Where the test split is given, few rows are usually left: most of them are for training.
VALIDATION_SHARE_BESIDE_TEST = 0.1
MIN_ROWS = 20
# What people call splits, in lower case.
WORDS: dict[str, SplitName] = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
Rows = dict[SplitName, np.ndarray]


@dataclass(frozen=True)
class Shares:
    """The share of all rows for the test and that of the others for validation; 0 for rows that are in other files."""

    test: float = TEST_SHARE
    validation: float = VALIDATION_SHARE

    @classmethod
    def of(cls, options: DataOptions) -> "Shares":
        """The shares where some splits may have files of their own."""
        return cls(0 if options.test else TEST_SHARE, 0 if options.validation else VALIDATION_SHARE)

    @property
    def parts(self) -> int:
        """The number of splits that the rows are divided into."""
        return 1 + bool(self.validation) + bool(self.test)

    @property
    def purposes(self) -> str:
        """What these splits are for."""
        if self.parts == 3:
            return "train, validate and test"
        return "train" + (" and validate" if self.validation else " and test" if self.test else "")


DEFAULT_SHARES = Shares()


def check_random(options: DataOptions, what: str) -> None:
    """UsageError if a split was asked for that such data does not allow; `what` names the data."""
    if options.split not in (None, RANDOM):
        raise UsageError(f"--split {options.split}: {what} have no {options.split} column, leave it out")


def check_classes(y: np.ndarray, labels: list[str], shares: Shares = DEFAULT_SHARES) -> None:
    """SuiteError unless there are at least two classes, each with a row for every split; or rows for each split."""
    needed = shares.parts
    if is_numbers(y) or are_labels(y):
        if len(y) < MIN_ROWS:
            what = "a number to predict" if is_numbers(y) else "labels"
            raise SuiteError(f"{len(y)} rows have {what}, and {MIN_ROWS} are needed: bring more")
        return
    if len(labels) < 2:
        present = f"only '{labels[0]}'" if labels else "none"
        raise SuiteError(
            f"a classifier needs two classes or more, but the data has {present}: add rows of another class"
        )
    counts = np.bincount(y, minlength=len(labels))
    for label, count in zip(labels, counts, strict=True):
        if count < needed:
            raise SuiteError(
                f"class '{label}' has {count} row{'s' if count != 1 else ''}, and every class needs {needed} "
                f"(one each to {shares.purposes}): add rows or remove the class"
            )


def check_class_coverage(dataset: Dataset) -> None:
    """SuiteError if a class has no training rows, or one of two classes no validation rows."""
    for name in ("train", "validation"):
        present = set(dataset.y[dataset.rows[name]].tolist())
        for index, label in enumerate(dataset.labels):
            if index not in present and (name == "train" or len(dataset.labels) == 2):
                elsewhere = [other for other, rows in dataset.rows.items() if index in dataset.y[rows]]
                raise SuiteError(
                    f"class '{label}' appears only in the {' and '.join(elsewhere)} rows, not in those for {name}: "
                    f"move some of them to {name}, or leave the class out"
                )


def stratified(y: np.ndarray, labels: list[str], seed: int, shares: Shares = DEFAULT_SHARES) -> Rows:
    """64% training, 16% validation and 20% test rows, each with the same share of every class."""
    check_classes(y, labels, shares)
    rest, test = split_off(np.arange(len(y)), y, shares.test, seed)
    train, validation = split_off(rest, y, shares.validation, seed + 1)
    return {"train": train, "validation": validation, "test": test}


def beside_test_rows(
    y: np.ndarray, labels: list[str], test: np.ndarray, seed: int, share: float = VALIDATION_SHARE_BESIDE_TEST
) -> Rows:
    """The given test rows; of the others, 90% for training and 10% for validation, or another share."""
    check_classes(y, labels)
    rest = np.setdiff1d(np.arange(len(y)), test)
    train, validation = split_off(rest, y, share, seed)
    return {"train": train, "validation": validation, "test": test}


def as_given(y: np.ndarray, labels: list[str], given: np.ndarray, options: DataOptions, what: str) -> Rows:
    """The rows of each split where the data names it: `given` is the split of each row, or "" if it has none.

    A validation or test split that is not given is taken from the training rows, and all are where none is. `what`
    says in errors what the rows are.
    """
    if not options.has_splits(len(labels)):
        return undivided(len(y))
    check_random(options, what)
    shares = Shares.of(options)
    if options.split or not given.any():
        return stratified(y, labels, options.seed, shares)
    check_classes(y, labels, shares)
    rows: Rows = {name: np.flatnonzero(given == name) for name in get_args(SplitName)}
    splits: tuple[tuple[SplitName, str | Memory | None, float], ...] = (
        ("test", options.test, TEST_SHARE),
        ("validation", options.validation, VALIDATION_SHARE_BESIDE_TEST),
    )
    for name, file, share in splits:
        if file and len(rows[name]):
            raise UsageError(f"the data has {name} {what} of its own: leave them or --{name} {file} out")
        if not file and not len(rows[name]):
            rows["train"], rows[name] = split_off(rows["train"], y, share, options.seed)
    for index, label in enumerate(labels):
        if index not in y[rows["train"]]:
            raise SuiteError(f"class '{label}' has no training rows: add some, or remove it from the other splits")
    return rows


def undivided(count: int) -> Rows:
    """All of `count` rows in the test split."""
    none = np.arange(0)
    return {"train": none, "validation": none, "test": np.arange(count)}


def in_time(order: np.ndarray, shares: Shares = DEFAULT_SHARES) -> Rows:
    """The first 64% in time for training, the next 16% for validation, the last 20% for the test.

    `order` sorts the rows by time.
    """
    known = 1 - shares.test
    first, second = round(known * (1 - shares.validation) * len(order)), round(known * len(order))
    return {"train": order[:first], "validation": order[first:second], "test": order[second:]}


def grouped(
    y: np.ndarray, labels: list[str], groups: np.ndarray, seed: int, shares: Shares = DEFAULT_SHARES
) -> Rows:  # fmt: skip
    """About 64% training, 16% validation and 20% test rows; all rows of a group are in one split."""
    check_classes(y, labels, shares)
    train, none = np.arange(len(y)), np.arange(0)
    rows: Rows = {"train": train, "validation": none, "test": none}
    if shares.test:
        train, rows["test"] = next(_by_group(train, y, groups, round(1 / shares.test), seed))
    if shares.validation:
        train, rows["validation"] = next(_by_group(train, y, groups, round(1 / shares.validation), seed + 1))
    rows["train"] = train
    check_groups(rows, y, labels)
    return rows


def check_groups(rows: Rows, y: np.ndarray, labels: list[str]) -> None:
    """SuiteError if a split by groups lacks a class; a split without rows has them in another file."""
    for name, split in rows.items():
        if not len(split) or are_labels(y):
            continue
        lacking = np.setdiff1d(np.arange(len(labels)), y[split])
        if len(lacking):
            raise SuiteError(
                f"with whole groups in each split, the {name} rows have no '{labels[int(lacking[0])]}': bring more "
                "groups of every class, or leave --group-column out"
            )


def folds(dataset: Dataset, count: int, seed: int) -> Iterator[Rows]:
    """`count` splits of all rows, for cross-validation.

    Rows with a time have expanding windows, each tested on the period after it. Groups are tested whole, each once.
    Other rows are stratified, and each is tested once. Validation rows are taken from the training rows.
    """
    y = dataset.y
    if dataset.order is not None:
        yield from _windows(dataset, dataset.order, count)
    elif dataset.groups is not None:
        for rest, test in _by_group(np.arange(len(y)), y, dataset.groups, count, seed):
            train, validation = next(_by_group(rest, y, dataset.groups, round(1 / VALIDATION_SHARE), seed + 1))
            rows: Rows = {"train": train, "validation": validation, "test": test}
            check_groups(rows, y, dataset.labels)
            yield rows
    else:
        _check_folds(dataset, count)
        part = _stratified_parts(y, count, seed)
        for fold in range(count):
            yield beside_test_rows(y, dataset.labels, np.flatnonzero(part == fold), seed)


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
    known = np.sort(np.concatenate([dataset.rows["train"], dataset.rows["validation"]]))
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
        return list(_by_group(rows, y, dataset.groups, count, seed)) if count > 1 else []
    part_of = _stratified_parts(y[rows], count, seed)
    return [(rows[part_of != part], rows[part_of == part]) for part in range(count)]


def _windows(dataset: Dataset, order: np.ndarray, count: int) -> Iterator[Rows]:
    """Expanding windows in time, each tested on the block after it."""
    blocks = np.array_split(order, count + 1)
    for index in range(1, count + 1):
        past = np.concatenate(blocks[:index])
        end = round((1 - VALIDATION_SHARE) * len(past))
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


def _by_group(
    rows: np.ndarray, y: np.ndarray, groups: np.ndarray, count: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`count` partitions of `rows` into the rest and one part in `count`: groups whole, classes in proportion."""
    from sklearn.model_selection import StratifiedGroupKFold

    present = len(np.unique(groups[rows]))
    if present < count:
        raise SuiteError(f"there are {present} groups, too few for {count} parts: bring more, or fewer folds")
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    for rest, part in splitter.split(rows, strata(y[rows]), groups[rows]):
        yield rows[rest], rows[part]


def split_off(rows: np.ndarray, y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rest of `rows`, and a random `share` of each class (at least one row); both ascending."""
    if not share:
        return rows, np.arange(0)
    generator = np.random.default_rng(seed)
    taken, classes = [], strata(y[rows])
    for label in np.unique(classes):
        members = generator.permutation(rows[classes == label])
        taken.append(members[: max(1, round(share * len(members)))])
    part = np.sort(np.concatenate(taken))
    return np.setdiff1d(rows, part), part
