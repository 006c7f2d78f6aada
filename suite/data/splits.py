"""Splits into training, validation and test rows: disjoint, complete, and the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
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
        train, rows["test"] = next(by_group(train, y, groups, round(1 / shares.test), seed))
    if shares.validation:
        train, rows["validation"] = next(by_group(train, y, groups, round(1 / shares.validation), seed + 1))
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


def by_group(
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
