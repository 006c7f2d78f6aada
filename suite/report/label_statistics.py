"""Metrics of labels of which any number may hold in a row, for intervals over resampled rows."""

from collections.abc import Callable

import numpy as np

from suite.decision import holding_labels
from suite.report import statistics
from suite.report.statistics import Metric, Predictions, mean
from suite.task import Measure
from suite.training import label_metrics

# Of more labels a ranking metric has no interval: each takes some 20 microseconds a resample for a thousand rows.
MAX_RANKED = 20


def holds(predictions: Predictions) -> np.ndarray:
    """Which labels each row is answered with, bool (N, L)."""
    return holding_labels(predictions.outputs, predictions.threshold)


def of_label(predictions: Predictions, index: int) -> Predictions:
    """Predictions of whether one label holds, without a threshold."""
    score = predictions.outputs[:, index]
    return Predictions(predictions.y[:, index].astype(np.int64), np.stack([1 - score, score], axis=1))


def has_both(y: np.ndarray) -> np.ndarray:
    """The numbers of the labels that hold in some of the rows and not in others."""
    return np.flatnonzero(y.any(axis=0) & ~y.all(axis=0))


def _macro(of_one: Metric) -> Metric:
    def metric(predictions: Predictions) -> Measure:
        measures = [of_one(of_label(predictions, index)) for index in has_both(predictions.y)]

        def measure(counts: np.ndarray) -> float:
            found = np.array([one(counts) for one in measures])
            known = found[~np.isnan(found)]
            return float(known.mean()) if len(known) else np.nan

        return measure

    return metric


def _f1(of_counts: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> Metric:
    """A metric of how often each label (L,) rightly holds, is said to, and truly does."""

    def metric(predictions: Predictions) -> Measure:
        said, true = holds(predictions), predictions.y
        # One product for all labels.
        of_rows = np.concatenate([said & true, said, true], axis=1).astype(np.float32)

        def measure(counts: np.ndarray) -> float:
            return of_counts(*np.split(counts.astype(np.float32) @ of_rows, 3))

        return measure

    return metric


def _micro(right: np.ndarray, said: np.ndarray, true: np.ndarray) -> float:
    return float(2 * right.sum() / max(1.0, said.sum() + true.sum()))


def exact_match(predictions: Predictions) -> Measure:
    """The share of rows with all labels right."""
    return mean((holds(predictions) == predictions.y).all(axis=1).astype(np.float64))


def hamming_loss(predictions: Predictions) -> Measure:
    """The share of all labels of all rows that are wrong."""
    return mean((holds(predictions) != predictions.y).mean(axis=1))


def log_loss(predictions: Predictions) -> Measure:
    """The mean cross-entropy of labels, in nats."""
    return mean(label_metrics.row_losses(predictions.y, predictions.outputs))


def headline_metrics(predictions: Predictions) -> dict[str, Metric]:
    """The metrics worth an interval, the most informative first."""
    ranked = 0 < len(has_both(predictions.y)) <= MAX_RANKED
    ranking = (_macro(statistics.average_precision), _macro(statistics.roc_auc))
    return (dict(zip(label_metrics.RANKING, ranking, strict=True)) if ranked else {}) | {
        "macro_f1": _f1(label_metrics.macro_f1),
        "micro_f1": _f1(_micro),
        "exact_match": exact_match,
        "hamming_loss": hamming_loss,
        "log_loss": log_loss,
    }
