"""Metrics of probabilities against classes, under their usual names."""

import numpy as np

from suite.artifact import Threshold
from suite.decision import predicted_classes
from suite.errors import UsageError, unknown

BINS = 15
MIN_PROBABILITY = 1e-7
LOWER_IS_BETTER = ("log_loss", "ece", "brier")
# The metrics that may be an objective; those in TWO_CLASSES need two classes.
OBJECTIVES = ("accuracy", "macro_f1", "log_loss", "ece")
TWO_CLASSES = ("average_precision", "roc_auc", "recall_at_precision_90", "precision", "recall", "brier")


def direction(objective: str) -> float:
    """1 if higher is better, -1 if lower is."""
    return -1.0 if objective in LOWER_IS_BETTER else 1.0


def check_objective(objective: str, classes: int, others: tuple[str, ...] = ()) -> None:
    """UsageError for a metric that is unknown or not defined for this many classes; `others` are suggested too."""
    known = OBJECTIVES + TWO_CLASSES
    if objective not in known:
        raise unknown("objective", objective, list(known + others))
    if objective in TWO_CLASSES and classes != 2:
        raise UsageError(
            f"{objective} is for two classes, and the data has {classes}: choose one of {', '.join(OBJECTIVES)}"
        )


def evaluate(y: np.ndarray, probabilities: np.ndarray, threshold: Threshold | None = None) -> dict[str, float]:
    """Metrics of `probabilities` (N, K) for classes `y` int (N,).

    Two classes have metrics of detecting the second one too, from `threshold` on (None: where it is the likelier one).
    Where rows of one class are missing, the metrics that need both are left out: ranking metrics and precision, and
    recall if there are no rows of the second class.
    """
    predicted = predicted_classes(probabilities, threshold)
    from sklearn import metrics

    result = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "macro_f1": metrics.f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0),
        "log_loss": float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], MIN_PROBABILITY)).mean()),
        "ece": calibration_error(y, probabilities),
    }
    if probabilities.shape[1] == 2:
        result["brier"] = float(np.mean((probabilities[:, 1] - (y == 1)) ** 2))
        if len(np.unique(y)) == 2:
            result |= _ranking(y, probabilities[:, 1])
            result["precision"] = metrics.precision_score(y, predicted, zero_division=0)
        if (y == 1).any():
            result["recall"] = metrics.recall_score(y, predicted, zero_division=0)
    return {name: round(float(value), 6) for name, value in result.items()}


def _ranking(y: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(y, scores)
    return {
        "roc_auc": metrics.roc_auc_score(y, scores),
        "average_precision": metrics.average_precision_score(y, scores),
        "recall_at_precision_90": float(recall[precision >= 0.9].max()),
    }


def calibration_error(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(np.sum(correct[bins == index]) - np.sum(confidence[bins == index])) for index in range(BINS)]
    return float(sum(gaps) / len(y))
