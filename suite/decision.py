"""The decision rule: which class or labels a row is given, from its probabilities and the model's threshold.

Training, reports, batch prediction and the service all decide by it.
"""

from typing import Any

import numpy as np

from suite.artifact import Threshold

LIKELIER = 0.5


def is_flagged(score: Any, threshold: Any) -> Any:
    """Whether a score (a number, or an array of them) reaches the threshold, or each its own of an array of them."""
    return score >= threshold


def predicted_classes(probabilities: np.ndarray, threshold: Threshold | None) -> np.ndarray:
    """The class number of each row, int64 (N,), from probabilities (N, K).

    With a threshold, rows are of the second of two classes if its probability reaches the threshold. Without one,
    the likeliest class wins.
    """
    if threshold is None:
        return np.asarray(probabilities.argmax(axis=1))
    return np.asarray(is_flagged(probabilities[:, 1], single(threshold)), np.int64)


def holding_labels(probabilities: np.ndarray, thresholds: Threshold | None) -> np.ndarray:
    """Which labels hold, bool (N, labels), from probabilities (N, labels) and a threshold for each or one for all.

    Without thresholds, a label holds if that is the likelier of both.
    """
    return np.asarray(is_flagged(probabilities, np.asarray(LIKELIER if thresholds is None else thresholds)))


def single(threshold: Threshold | None) -> float:
    """The threshold of a model that has one for all of its answers."""
    if isinstance(threshold, int | float):
        return float(threshold)
    raise TypeError(f"one threshold is needed, and the model's is {threshold}")
