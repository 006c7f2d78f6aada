"""Metrics of predicted numbers with intervals, and the calibration of these intervals."""

import math

import numpy as np

# As many digits as float32 has.
DIGITS = 7
TINY = 1e-12


def evaluate(y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """Metrics of predictions and bounds (N, 3) for numbers y (N,).

    `coverage` is the share of y within the bounds, and `interval_width` the mean distance of these. `r2` is left out
    where all of y is the same.
    """
    prediction, lower, upper = outputs.astype(np.float64).T
    errors = y - prediction
    result = {
        "rmse": math.sqrt((errors**2).mean()),
        "mae": np.abs(errors).mean(),
        "coverage": ((lower <= y) & (y <= upper)).mean(),
        "interval_width": (upper - lower).mean(),
    }
    variance = y.var()
    first = {"r2": 1 - (errors**2).mean() / variance} if variance else {}
    return {name: float(f"{value:.{DIGITS}g}") for name, value in (first | result).items()}


def conformal_margin(y: np.ndarray, outputs: np.ndarray, level: float) -> float:
    """How many deviations beside the prediction the bounds must lie to hold the share `level` of further numbers.

    `outputs` (N, 3) have bounds one deviation beside the prediction. It is split conformal prediction with errors in
    deviations (Lei et al. 2018): whatever the network is, the share is right for rows that are like these.
    """
    prediction, lower, upper = outputs.astype(np.float64).T
    scores = np.sort(np.abs(y - prediction) / np.maximum((upper - lower) / 2, TINY))
    rank = min(math.ceil((len(y) + 1) * level), len(y))
    return float(scores[rank - 1])
