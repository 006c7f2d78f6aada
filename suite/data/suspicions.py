"""What a table's values give reason to doubt: features that give the label away."""

from collections.abc import Iterator, Sequence

import numpy as np

from suite.artifact import TensorSpec

MAX_ROWS = 50_000
# Fewer rows of a class than this say nothing about a column.
MIN_CASES = 10
LEAK_AUC = 0.995
MAX_CLASSES = 10
BINS = 64


def leaks(specs: Sequence[TensorSpec], inputs: dict[str, np.ndarray], y: np.ndarray, rows: np.ndarray) -> list[str]:
    """A note on columns that alone tell almost all rows of every class from the others, on training rows."""
    rows = rows[:: max(1, len(rows) // MAX_ROWS)]
    # Every other row of each class, so that what is learned from some rows is measured on others.
    half = np.zeros(len(rows), bool)
    labels = np.unique(y[rows])
    for label in labels:
        half[np.flatnonzero(y[rows] == label)[::2]] = True
    known, asked = rows[half], rows[~half]
    cases = [(y[asked] == label).sum() for label in labels]
    if not 2 <= len(labels) <= MAX_CLASSES or min(cases) < MIN_CASES:
        return []
    found = []
    for spec in specs:
        if spec.kind == "text":
            continue  # its values are mostly distinct
        # Of two classes, telling one is telling the other.
        of_classes = [(y == label).astype(np.int32) for label in labels[1 if len(labels) == 2 else 0 :]]
        auc = min(max(_areas(spec, inputs[spec.name], one, known, asked), default=0.5) for one in of_classes)
        if auc >= LEAK_AUC:
            found.append(f"{spec.name} (ROC AUC {auc:.3f})")
    if not found:
        return []
    return [
        f"suspected leaks, columns that alone give the label away: {', '.join(found)}; remove those that are not known "
        "when a row is to be predicted"
    ]


def _areas(spec: TensorSpec, x: np.ndarray, y: np.ndarray, known: np.ndarray, asked: np.ndarray) -> Iterator[float]:
    """ROC AUC of a column's values, of their absence, and of the share of the class among like values."""
    if spec.kind == "categorical":
        groups = np.unique(x[np.concatenate([known, asked])].astype(str), return_inverse=True)[1]
        yield _area(_shares(groups[: len(known)], y[known], groups[len(known) :]), y[asked])
        return
    values = x.astype(np.float64)
    missing = np.isnan(values)
    values = np.where(missing, np.nanmin(values[known], initial=np.inf) - 1, values)
    for scores in (values[asked], missing[asked].astype(float)):
        area = _area(scores, y[asked])
        yield max(area, 1 - area)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, values, side="right") * 2 + missing
    yield _area(_shares(bins[known], y[known], bins[asked]), y[asked])


def _shares(groups: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """For each of the asked groups, the share of the second class in the group among the known rows."""
    size = int(max(groups.max(), asked.max())) + 1
    shares = (np.bincount(groups, y, size) + y.mean()) / (np.bincount(groups, minlength=size) + 1)
    return np.asarray(shares[asked])


def _area(scores: np.ndarray, y: np.ndarray) -> float:
    """ROC AUC; equal scores count half."""
    values, numbers = np.unique(scores, return_inverse=True)
    negatives, positives = (np.bincount(numbers[y == label], minlength=len(values)) for label in (0, 1))
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (negatives.sum() * positives.sum()))
