"""How sure a figure is, and whether two models differ: bootstrap intervals and McNemar's test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn import metrics

RESAMPLES = 1_000
LEVEL = 0.95
# Ranking metrics sort the rows at each draw: with more rows than these, fewer draws say as much.
MOST_SORTED = 20_000_000
Metric = Callable[[np.ndarray, np.ndarray, float | None], float]


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds between which it lies with 95% confidence."""

    value: float
    low: float
    high: float


def accuracy(y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> float:
    """The share of rows that are right."""
    return float((predicted(probabilities, threshold) == y).mean())


def average_precision(y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> float:
    """Area under the precision-recall curve of the second class."""
    return float(metrics.average_precision_score(y, probabilities[:, 1]))


def roc_auc(y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> float:
    """Area under the receiver operating characteristic of the second class."""
    return float(metrics.roc_auc_score(y, probabilities[:, 1]))


def log_loss(y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> float:
    """Cross-entropy in nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-7)).mean())


def macro_f1(y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> float:
    """The mean of the classes' F1."""
    classes = probabilities.shape[1]
    pairs = np.bincount(y * classes + predicted(probabilities, threshold), minlength=classes**2)
    table = pairs.reshape(classes, classes)
    both = table.sum(axis=0) + table.sum(axis=1)
    return float(np.mean((2 * np.diag(table) / np.maximum(both, 1))[both > 0]))


def predicted(probabilities: np.ndarray, threshold: float | None) -> np.ndarray:
    """The class of each row: the likeliest, or the second from `threshold` on."""
    if threshold is None:
        return np.asarray(probabilities.argmax(axis=1))
    return (probabilities[:, 1] >= threshold).astype(np.int64)


def headline(labels: int, y: np.ndarray, threshold: float | None) -> dict[str, Metric]:
    """The metrics worth an interval for so many labels and these rows."""
    chosen: dict[str, Metric] = {"accuracy": accuracy, "macro_f1": macro_f1, "log_loss": log_loss}
    if labels == 2 and len(np.unique(y)) == 2:
        ranking: dict[str, Metric] = {"average_precision": average_precision, "roc_auc": roc_auc}
        chosen = ranking | chosen if threshold is not None else chosen | ranking
    return chosen


def bootstrap(metric: Metric, y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> Interval:
    """`metric` on these rows, and the percentile interval over rows drawn with replacement (Efron 1979)."""
    return _interval(
        y,
        lambda rows: metric(y[rows], probabilities[rows], threshold),
    )


@dataclass(frozen=True)
class Contender:
    """What one of two models says of the same rows."""

    probabilities: np.ndarray
    threshold: float | None


def paired_bootstrap(metric: Metric, y: np.ndarray, first: Contender, second: Contender) -> Interval:
    """How much higher the metric is with the second model than with the first, the same rows drawn for both."""
    return _interval(
        y,
        lambda rows: (
            metric(y[rows], second.probabilities[rows], second.threshold)
            - metric(y[rows], first.probabilities[rows], first.threshold)
        ),
    )


def _interval(y: np.ndarray, measure: Callable[[np.ndarray], float]) -> Interval:
    generator = np.random.default_rng(0)
    everything = np.arange(len(y))
    classes = len(np.unique(y))
    draws = []
    for _ in range(int(np.clip(MOST_SORTED // max(1, len(y)), 100, RESAMPLES))):
        rows = generator.integers(0, len(y), len(y))
        # A draw without one of the classes says nothing of how they are told apart.
        if len(np.unique(y[rows])) == classes:
            draws.append(measure(rows))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(draws, [tail, 100 - tail]) if draws else (np.nan, np.nan)
    return Interval(measure(everything), float(low), float(high))


@dataclass(frozen=True)
class McNemar:
    """Rows that only the first model has right, those that only the second has, and how likely that is by chance."""

    only_first: int
    only_second: int
    p: float


def mcnemar(y: np.ndarray, first: np.ndarray, second: np.ndarray) -> McNemar:
    """The exact test of whether two models' predictions (N,) are right equally often (McNemar 1947)."""
    only_first = int(((first == y) & (second != y)).sum())
    only_second = int(((first != y) & (second == y)).sum())
    different = only_first + only_second
    p = float(binomtest(only_first, different, 0.5).pvalue) if different else 1.0
    return McNemar(only_first, only_second, p)
