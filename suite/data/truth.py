"""The truth y of rows: class numbers (N,), numbers to predict (N,), or which labels hold (N, labels)."""

from collections.abc import Sequence

import numpy as np

from suite.data.options import CLASSIFICATION, MULTI_LABEL, REGRESSION
from suite.preprocessing.mirror import label_names


def task_of(y: np.ndarray) -> str:
    """The name of the task that asks for such a truth; rows of a rare class are classified too."""
    if are_labels(y):
        return MULTI_LABEL
    return REGRESSION if is_numbers(y) else CLASSIFICATION


def is_numbers(y: np.ndarray) -> bool:
    """Whether y (N,) holds numbers to predict."""
    return y.dtype.kind == "f"


def are_labels(y: np.ndarray) -> bool:
    """Whether y (N, labels) says which labels hold."""
    return y.ndim == 2


def strata(y: np.ndarray) -> np.ndarray:
    """The classes of rows (N,), which splits have the same share of; numbers to predict are all of one class.

    Where labels hold, the class of a row is the rarest among the values of its labels: so every label has its share.
    """
    if is_numbers(y):
        return np.zeros(len(y), np.int32)
    return _rarest_value(y) if are_labels(y) else y


def _rarest_value(y: np.ndarray) -> np.ndarray:
    is_rare = y != (y.mean(axis=0) > 0.5)
    ranked = is_rare[:, np.argsort(is_rare.sum(axis=0), kind="stable")]
    return np.asarray(np.where(ranked.any(axis=1), ranked.argmax(axis=1), y.shape[1]), np.int32)


def unfamiliar(y: np.ndarray, found: Sequence[str], known: Sequence[str]) -> list[str]:
    """The labels found with the truth y that are none of the known ones, in any of their spellings."""
    names = known if are_labels(y) else label_names.match(found, known)
    return [label for label in found if label not in names]


def translate(y: np.ndarray, found: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """The truth y with the labels `found` as one with the known labels, among which they are; numbers as they are."""
    if is_numbers(y):
        return y
    if are_labels(y):
        return y[:, [found.index(label) for label in known]]
    names = label_names.match(found, known)
    numbers = np.array([known.index(names[label]) for label in found], np.int32)
    return np.asarray(numbers[y])
