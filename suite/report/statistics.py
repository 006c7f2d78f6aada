"""Bootstrap intervals of metrics, and McNemar's test of whether two models differ.

It uses NumPy only, and resamples many thousand rows a thousand times within seconds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Any

import numpy as np

from suite.artifact import Threshold
from suite.decision import predicted_classes
from suite.task import Measure

MAX_RESAMPLES, MIN_RESAMPLES = 1_000, 200
CONFIDENCE = 0.95
# Every interval is from the same draws, whatever the model's own seed is: so the same rows always give the same one.
SEED = 0
# Large test sets are resampled fewer times, so that at most this many rows are drawn in all.
MAX_ROWS_DRAWN = 20_000_000
# The 97.5% quantile of the normal distribution.
NORMAL_QUANTILE = 1.959964
MIN_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Predictions:
    """The truth y of some rows, and a model's outputs (N, K) and threshold, or thresholds, for them."""

    y: np.ndarray
    outputs: np.ndarray
    threshold: Threshold | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """The outputs of a model that answers with one class out of K."""
        return self.outputs

    @property
    def predicted(self) -> np.ndarray:
        """The predicted class of each row, int64 (N,)."""
        return predicted_classes(self.probabilities, self.threshold)


Metric = Callable[[Any], Measure]


def accuracy(predictions: Predictions) -> Measure:
    """The share of rows whose class is right."""
    return mean(predictions.predicted == predictions.y)


def log_loss(predictions: Predictions) -> Measure:
    """Cross-entropy in nats."""
    of_truth = predictions.probabilities[np.arange(len(predictions.y)), predictions.y]
    return mean(-np.log(np.maximum(of_truth, MIN_PROBABILITY)).astype(np.float64))


def mean(values: np.ndarray) -> Measure:
    """The mean of values (N,)."""
    # A dot product would be slower: its threads wait for each other in every resample.
    return lambda counts: float(np.average(values, weights=counts))


def confusion(predictions: Predictions, counts: np.ndarray | None = None) -> np.ndarray:
    """Counts (K, K): rows are true classes, columns predicted ones."""
    classes = predictions.probabilities.shape[1]
    pairs = predictions.y.astype(np.int64) * classes + predictions.predicted
    return np.bincount(pairs, counts, minlength=classes**2).reshape(classes, classes)


def macro_f1(predictions: Predictions) -> Measure:
    """The mean F1 over the classes that occur."""

    def measure(counts: np.ndarray) -> float:
        table = confusion(predictions, counts)
        true = table.sum(axis=1)
        f1 = 2 * np.diag(table) / np.maximum(table.sum(axis=0) + true, 1)
        return float(f1[true > 0].mean())

    return measure


def precision(predictions: Predictions) -> Measure:
    """The share of rows predicted as the second class that are of it."""
    return _share(predictions, 0)


def recall(predictions: Predictions) -> Measure:
    """The share of rows of the second class that are predicted as it."""
    return _share(predictions, 1)


def _share(predictions: Predictions, axis: int) -> Measure:
    def measure(counts: np.ndarray) -> float:
        table = confusion(predictions, counts)
        return float(table[1, 1] / max(1.0, table.sum(axis=axis)[1]))

    return measure


def average_precision(predictions: Predictions) -> Measure:
    """Area under the precision-recall curve of the second class, in steps."""

    def measure(found: np.ndarray, alarms: np.ndarray) -> float:
        steps = np.diff(found, prepend=0.0)
        return float(np.sum(steps * found / np.maximum(found + alarms, 1)) / found[-1])

    return _ranking(predictions, measure)


def roc_auc(predictions: Predictions) -> Measure:
    """Area under the receiver operating characteristic of the second class."""

    def measure(found: np.ndarray, alarms: np.ndarray) -> float:
        return float(np.trapezoid(np.append(0, found), np.append(0, alarms)) / found[-1] / alarms[-1])

    return _ranking(predictions, measure)


def _ranking(predictions: Predictions, area: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
    """A metric of true and false positives (each float (M,)) at each of M distinct scores, the highest first."""
    order = np.argsort(-predictions.probabilities[:, 1], kind="stable")
    scores = predictions.probabilities[order, 1]
    last = np.append(scores[1:] < scores[:-1], True)
    positive = predictions.y[order] == 1

    def measure(counts: np.ndarray) -> float:
        ranked = counts[order]
        found = np.cumsum(ranked * positive)[last].astype(np.float64)
        flagged = np.cumsum(ranked)[last]
        if not 0 < found[-1] < flagged[-1]:
            return np.nan
        return area(found, flagged - found)

    return measure


def headline_metrics(predictions: Predictions) -> dict[str, Metric]:
    """The metrics worth an interval, the most informative first."""
    general: dict[str, Metric] = {"accuracy": accuracy, "macro_f1": macro_f1, "log_loss": log_loss}
    if predictions.probabilities.shape[1] != 2:
        return general
    both = len(np.unique(predictions.y)) == 2
    ranking: dict[str, Metric] = {"average_precision": average_precision, "roc_auc": roc_auc} if both else {}
    points: dict[str, Metric] = {"precision": precision, "recall": recall}
    return general | ranking | points if predictions.threshold is None else ranking | points | general


@dataclass(frozen=True)
class Interval:
    """A value and its 95% confidence bounds; NaN where they are undefined."""

    value: float
    low: float
    high: float


def bootstrap(metrics: Mapping[str, Metric], predictions: Predictions) -> dict[str, Interval]:
    """Each metric with its percentile interval over resampled rows (Efron 1979)."""
    measures = {name: metric(predictions) for name, metric in metrics.items()}
    return intervals(len(predictions.y), measures, resamples_of(predictions))


def paired_bootstrap(metrics: Mapping[str, Metric], first: Predictions, second: Predictions) -> dict[str, Interval]:
    """How much higher each metric is for the second model, with the same resampled rows for both."""
    measures = {name: _difference(metric(first), metric(second)) for name, metric in metrics.items()}
    return intervals(len(first.y), measures, resamples_of(first))


def resamples_of(predictions: Predictions) -> int:
    """How many resamples fit for these rows; with several labels, a row takes as long as so many."""
    return int(np.clip(MAX_ROWS_DRAWN // predictions.y.size, MIN_RESAMPLES, MAX_RESAMPLES))


def _difference(first: Measure, second: Measure) -> Measure:
    return lambda counts: second(counts) - first(counts)


def intervals(rows: int, measures: Mapping[str, Measure], resamples: int) -> dict[str, Interval]:
    """Each measure of this many rows with its percentile interval over resampled rows."""
    resampled = np.array([[measure(counts) for measure in measures.values()] for counts in _resample(rows, resamples)])
    tail = 100 * (1 - CONFIDENCE) / 2
    found = {}
    for (name, measure), figures in zip(measures.items(), resampled.T, strict=True):
        known = figures[~np.isnan(figures)]
        low, high = np.percentile(known, [tail, 100 - tail]) if len(known) else (np.nan, np.nan)
        found[name] = Interval(measure(np.ones(rows)), float(low), float(high))
    return found


def _resample(rows: int, count: int) -> Iterator[np.ndarray]:
    """How often each row is drawn, float64 (N,), for each resample."""
    generator = np.random.default_rng(SEED)
    for _ in range(count):
        yield np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64)


def wilson(found: float, total: float) -> tuple[float, float]:
    """The 95% confidence bounds of the share `found / total` (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, square = found / total, NORMAL_QUANTILE**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = NORMAL_QUANTILE / (1 + square / total) * np.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


@dataclass(frozen=True)
class McNemar:
    """The rows that only the first or only the second model gets right, and the p-value."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """The exact test of whether two models are right equally often (McNemar 1947), from which rows each gets right."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    total, fewer = only_first + only_second, min(only_first, only_second)
    # Both tails of a fair coin, by logarithms: binomial coefficients of thousands of rows overflow.
    tail = sum(exp(_log_binomial(total, count) - total * log(2)) for count in range(fewer + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail))


def _log_binomial(total: int, count: int) -> float:
    return lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
