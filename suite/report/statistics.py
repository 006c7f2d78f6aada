"""How sure a figure is, and whether two models differ: bootstrap intervals and McNemar's test.

NumPy only: it answers in a moment, also where many thousand rows are drawn a thousand times.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np

RESAMPLES = 1_000
FEWEST_RESAMPLES = 200
LEVEL = 0.95
# With more rows than these a draw takes long, and fewer draws say as much.
MOST_DRAWN = 20_000_000
NORMAL = 1.959964
SMALLEST = 1e-7


@dataclass(frozen=True)
class Answers:
    """What a model says of rows: classes y int (N,), probabilities (N, K), and from which score the second counts."""

    y: np.ndarray
    probabilities: np.ndarray
    threshold: float | None = None

    @property
    def predicted(self) -> np.ndarray:
        """The class of each row: the likeliest, or the second from the threshold on."""
        if self.threshold is None:
            return np.asarray(self.probabilities.argmax(axis=1))
        return (self.probabilities[:, 1] >= self.threshold).astype(np.int64)


# How often each row counts, (N,), to the figure; NaN where those rows cannot tell.
Measure = Callable[[np.ndarray], float]
Metric = Callable[[Answers], Measure]


def accuracy(answers: Answers) -> Measure:
    """The share of rows that are right."""
    return _mean(answers.predicted == answers.y)


def log_loss(answers: Answers) -> Measure:
    """Cross-entropy in nats."""
    given = answers.probabilities[np.arange(len(answers.y)), answers.y]
    return _mean(-np.log(np.maximum(given, SMALLEST)).astype(np.float64))


def _mean(values: np.ndarray) -> Measure:
    # Not a dot product: its threads would wait for each other at every draw.
    return lambda counts: float(np.average(values, weights=counts))


def confusion(answers: Answers, counts: np.ndarray | None = None) -> np.ndarray:
    """Counts (K, K): rows are true classes, columns answers."""
    classes = answers.probabilities.shape[1]
    pairs = answers.y.astype(np.int64) * classes + answers.predicted
    return np.bincount(pairs, counts, minlength=classes**2).reshape(classes, classes)


def macro_f1(answers: Answers) -> Measure:
    """The mean F1 of the classes that occur."""

    def measure(counts: np.ndarray) -> float:
        table = confusion(answers, counts)
        true = table.sum(axis=1)
        f1 = 2 * np.diag(table) / np.maximum(table.sum(axis=0) + true, 1)
        return float(f1[true > 0].mean())

    return measure


def precision(answers: Answers) -> Measure:
    """The share of rows flagged as the second class that are."""
    return _share(answers, 0)


def recall(answers: Answers) -> Measure:
    """The share of the second class that is flagged."""
    return _share(answers, 1)


def _share(answers: Answers, axis: int) -> Measure:
    def measure(counts: np.ndarray) -> float:
        table = confusion(answers, counts)
        return float(table[1, 1] / max(1.0, table.sum(axis=axis)[1]))

    return measure


def average_precision(answers: Answers) -> Measure:
    """Area under the precision-recall curve of the second class, in steps."""

    def measure(found: np.ndarray, alarms: np.ndarray) -> float:
        steps = np.diff(found, prepend=0.0)
        return float(np.sum(steps * found / np.maximum(found + alarms, 1)) / found[-1])

    return _ranking(answers, measure)


def roc_auc(answers: Answers) -> Measure:
    """Area under the receiver operating characteristic of the second class."""

    def measure(found: np.ndarray, alarms: np.ndarray) -> float:
        return float(np.trapezoid(np.append(0, found), np.append(0, alarms)) / found[-1] / alarms[-1])

    return _ranking(answers, measure)


def _ranking(answers: Answers, area: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
    """A metric of what is found and what is a false alarm from each distinct score on, highest first."""
    order = np.argsort(-answers.probabilities[:, 1], kind="stable")
    scores = answers.probabilities[order, 1]
    last = np.append(scores[1:] < scores[:-1], True)
    positive = answers.y[order] == 1

    def measure(counts: np.ndarray) -> float:
        ranked = counts[order]
        found = np.cumsum(ranked * positive)[last].astype(np.float64)
        flagged = np.cumsum(ranked)[last]
        if not 0 < found[-1] < flagged[-1]:
            return np.nan
        return area(found, flagged - found)

    return measure


def headline(answers: Answers) -> dict[str, Metric]:
    """The metrics worth an interval for such answers, the most telling first."""
    general: dict[str, Metric] = {"accuracy": accuracy, "macro_f1": macro_f1, "log_loss": log_loss}
    if answers.probabilities.shape[1] != 2:
        return general
    both = len(np.unique(answers.y)) == 2
    ranking: dict[str, Metric] = {"average_precision": average_precision, "roc_auc": roc_auc} if both else {}
    points: dict[str, Metric] = {"precision": precision, "recall": recall}
    return general | ranking | points if answers.threshold is None else ranking | points | general


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds between which it lies with 95% confidence; NaN where the rows cannot tell."""

    value: float
    low: float
    high: float


def bootstrap(metrics: Mapping[str, Metric], answers: Answers) -> dict[str, Interval]:
    """Each metric with its percentile interval over rows drawn with replacement (Efron 1979)."""
    return _intervals(len(answers.y), {name: metric(answers) for name, metric in metrics.items()})


def paired_bootstrap(metrics: Mapping[str, Metric], first: Answers, second: Answers) -> dict[str, Interval]:
    """How much higher each metric is with the second model than with the first, the same rows drawn for both."""
    return _intervals(
        len(first.y), {name: _difference(metric(first), metric(second)) for name, metric in metrics.items()}
    )


def _difference(first: Measure, second: Measure) -> Measure:
    return lambda counts: second(counts) - first(counts)


def _intervals(rows: int, measures: Mapping[str, Measure]) -> dict[str, Interval]:
    drawn = np.array([[measure(counts) for measure in measures.values()] for counts in _draws(rows)])
    tail = 100 * (1 - LEVEL) / 2
    found = {}
    for (name, measure), figures in zip(measures.items(), drawn.T, strict=True):
        known = figures[~np.isnan(figures)]
        low, high = np.percentile(known, [tail, 100 - tail]) if len(known) else (np.nan, np.nan)
        found[name] = Interval(measure(np.ones(rows)), float(low), float(high))
    return found


def _draws(rows: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(0)
    for _ in range(int(np.clip(MOST_DRAWN // rows, FEWEST_RESAMPLES, RESAMPLES))):
        yield np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64)


def wilson(found: float, total: float) -> tuple[float, float]:
    """The 95% bounds of a share of `found` in `total` rows (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, square = found / total, NORMAL**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = NORMAL / (1 + square / total) * np.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


@dataclass(frozen=True)
class McNemar:
    """Rows that only the first model has right, those that only the second has, and how likely that is by chance."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Answers, second: Answers) -> McNemar:
    """The exact test of whether two models are right equally often on the same rows (McNemar 1947)."""
    right = [answers.predicted == answers.y for answers in (first, second)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    total, fewer = only_first + only_second, min(only_first, only_second)
    # Both tails of a fair coin: logarithms of binomials, for thousands of rows overflow.
    tail = sum(exp(_log_binomial(total, count) - total * log(2)) for count in range(fewer + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail))


def _log_binomial(total: int, count: int) -> float:
    return lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
