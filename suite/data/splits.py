"""Which rows are for training, for validation and for the test; disjoint, complete, and the same for the same seed."""

import numpy as np

from suite.data.dataset import SplitName
from suite.errors import SuiteError

TEST = 0.2
VALIDATION = 0.2
# Where a test split is given the rest is usually small: it is better spent on training.
VALIDATION_BESIDE_TEST = 0.1
FEWEST = 3
Rows = dict[SplitName, np.ndarray]


def check_classes(y: np.ndarray, labels: list[str]) -> None:
    """SuiteError unless there are two classes or more, each with a row for every split."""
    if len(labels) < 2:
        found = f"only '{labels[0]}'" if labels else "none"
        raise SuiteError(f"a classifier needs two classes or more, but the data has {found}: add rows of another class")
    counts = np.bincount(y, minlength=len(labels))
    for label, count in zip(labels, counts, strict=True):
        if count < FEWEST:
            raise SuiteError(
                f"class '{label}' has {count} row{'s' if count != 1 else ''}, and every class needs {FEWEST} "
                "(one each to train, validate and test): add rows or remove the class"
            )


def stratified(y: np.ndarray, labels: list[str], seed: int) -> Rows:
    """64% train, 16% validation, 20% test, with the same share of every class in each."""
    check_classes(y, labels)
    rest, test = hold_back(np.arange(len(y)), y, TEST, seed)
    train, validation = hold_back(rest, y, VALIDATION, seed + 1)
    return {"train": train, "validation": validation, "test": test}


def around_test(y: np.ndarray, labels: list[str], test: np.ndarray, seed: int) -> Rows:
    """The rows of `test` as they are, the rest 90% train and 10% validation."""
    check_classes(y, labels)
    rest = np.setdiff1d(np.arange(len(y)), test)
    train, validation = hold_back(rest, y, VALIDATION_BESIDE_TEST, seed)
    return {"train": train, "validation": validation, "test": test}


def in_time(order: np.ndarray) -> Rows:
    """The first 64% in time to train, the next 16% to validate, the last 20% to test; `order` sorts rows by time."""
    first, second = round(0.64 * len(order)), round(0.8 * len(order))
    return {"train": order[:first], "validation": order[first:second], "test": order[second:]}


def hold_back(rows: np.ndarray, y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two parts of `rows`, ascending: the rest, and a random `share` of each class with at least one row of it."""
    generator = np.random.default_rng(seed)
    taken = []
    for label in np.unique(y[rows]):
        members = generator.permutation(rows[y[rows] == label])
        taken.append(members[: max(1, round(share * len(members)))])
    held = np.sort(np.concatenate(taken))
    return np.setdiff1d(rows, held), held
