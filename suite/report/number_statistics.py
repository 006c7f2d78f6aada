"""Metrics of predicted numbers, for intervals over resampled rows."""

import numpy as np

from suite.report.statistics import Metric, Predictions, mean
from suite.task import Measure


def _errors(predictions: Predictions) -> np.ndarray:
    return np.asarray(predictions.y - predictions.outputs[:, 0].astype(np.float64))


def r2(predictions: Predictions) -> Measure:
    """The share of the variance that is explained; NaN where all numbers are the same."""
    y, squares = predictions.y, mean(_errors(predictions) ** 2)

    def measure(counts: np.ndarray) -> float:
        variance = float(np.average((y - np.average(y, weights=counts)) ** 2, weights=counts))
        return 1 - squares(counts) / variance if variance else np.nan

    return measure


def rmse(predictions: Predictions) -> Measure:
    """The root of the mean squared error."""
    squares = mean(_errors(predictions) ** 2)
    return lambda counts: float(np.sqrt(squares(counts)))


def mae(predictions: Predictions) -> Measure:
    """The mean absolute error."""
    return mean(np.abs(_errors(predictions)))


def coverage(predictions: Predictions) -> Measure:
    """The share of numbers within their interval."""
    return mean(is_inside(predictions).astype(np.float64))


def is_inside(predictions: Predictions) -> np.ndarray:
    """Whether each number is within its interval, bool (N,)."""
    _, lower, upper = predictions.outputs.T
    return np.asarray((lower <= predictions.y) & (predictions.y <= upper))


METRICS: dict[str, Metric] = {"r2": r2, "rmse": rmse, "mae": mae, "coverage": coverage}
