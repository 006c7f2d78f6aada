"""Calibration of probabilities by temperature scaling (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar

MIN_PROBABILITY = 1e-7
MIN_ROWS = 100
TEMPERATURE_RANGE = (0.1, 10.0)


def temperature(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The divisor of the logits that minimises the cross-entropy of `probabilities` (N, K) for classes `y` (N,).

    It is above one if the network is overconfident, and one if there are fewer than 100 rows.
    """
    return 1.0 if len(y) < MIN_ROWS else _best_temperature(y, probabilities)[0]


def calibrated_log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The cross-entropy of `probabilities` (N, K) for classes `y` (N,) at their best temperature.

    It tells how much the network knows, apart from how sure it is, and changes less by chance from epoch to epoch than
    the share of right answers: Berta et al. (2025) select epochs by it.
    """
    return _best_temperature(y, probabilities)[1]


def _best_temperature(y: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """The temperature of the least cross-entropy, and that cross-entropy."""
    logits = np.log(np.maximum(probabilities, MIN_PROBABILITY)).astype(np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(y)), y]).mean())

    best, unscaled = (
        minimize_scalar(cross_entropy, bounds=np.log(TEMPERATURE_RANGE), method="bounded"),
        cross_entropy(0.0),
    )
    return (float(np.exp(best.x)), float(best.fun)) if best.fun < unscaled else (1.0, unscaled)


def bound_notes(temperature: float) -> list[str]:
    """A note that says what to do if the temperature lies at a bound of its range; else none."""
    surest, least_sure = TEMPERATURE_RANGE
    trust = "Until then trust the order of the scores, not their size."
    if np.isclose(temperature, surest, rtol=0.01):
        return [
            f"Calibration made the scores as sure as it may (a temperature of {surest:g}), and the validation rows are "
            "right more often still. Train for more --epochs; if nearly all rows are right, look for a column that "
            f"gives the label away. {trust}"
        ]
    if np.isclose(temperature, least_sure, rtol=0.01):
        return [
            f"Calibration made the scores as unsure as it may (a temperature of {least_sure:g}), and the validation "
            "rows are wrong more often still: the network knows its training rows by heart. Bring more rows, train for "
            f"fewer --epochs, or check that validation rows are like training rows. {trust}"
        ]
    return []
