"""Probabilities that mean what they say: temperature scaling (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar

SMALLEST = 1e-7
FEWEST_ROWS = 100
RANGE = (0.1, 10.0)


def temperature(y: np.ndarray, probabilities: np.ndarray) -> float:
    """What to divide the logits by, so that `probabilities` (N, K) suit `y` (N,) best in cross-entropy.

    Above one where the network is too sure of itself. One where there are too few rows to tell.
    """
    if len(y) < FEWEST_ROWS:
        return 1.0
    logits = np.log(np.maximum(probabilities, SMALLEST)).astype(np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(y)), y]).mean())

    found = minimize_scalar(cross_entropy, bounds=np.log(RANGE), method="bounded")
    return float(np.exp(found.x)) if found.fun < cross_entropy(0.0) else 1.0


def at_its_bound(temperature: float) -> list[str]:
    """A note where validation rows would have had the temperature beyond its range; else none."""
    for bound, kind in zip(RANGE, ("sure", "unsure"), strict=True):
        if np.isclose(temperature, bound, rtol=0.01):
            return [
                f"Calibration made the scores as {kind} as it may (a temperature of {bound:g}), and the validation "
                "rows would have them more so: take them with care."
            ]
    return []
