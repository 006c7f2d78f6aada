"""The decision rule: which class a row is given, from its probabilities and the model's threshold.

Training, reports, batch prediction and the service all decide by it.
"""

from typing import Any

import numpy as np


def is_flagged(score: Any, threshold: float) -> Any:
    """Whether a score (a number, or an array of them) reaches the threshold."""
    return score >= threshold


def predicted_classes(probabilities: np.ndarray, threshold: float | None) -> np.ndarray:
    """The class number of each row, int64 (N,), from probabilities (N, K).

    With a threshold, rows are of the second of two classes if its probability reaches the threshold. Without one,
    the likeliest class wins.
    """
    if threshold is None:
        return np.asarray(probabilities.argmax(axis=1))
    return np.asarray(is_flagged(probabilities[:, 1], threshold), np.int64)
