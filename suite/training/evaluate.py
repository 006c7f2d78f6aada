"""Metrics of probabilities against labels, under the field's names."""

import numpy as np
from sklearn import metrics

from suite.errors import UsageError, unknown

BINS = 15
SMALLEST = 1e-7
LOWER_IS_BETTER = ("log_loss", "ece", "brier")
# Those that a training or a search may go by; the ones in TWO_CLASSES need labels of two values.
OBJECTIVES = ("accuracy", "macro_f1", "log_loss", "ece")
TWO_CLASSES = ("average_precision", "roc_auc", "recall_at_precision_90", "precision", "recall", "brier")


def direction(objective: str) -> float:
    """1 where higher is better, -1 where lower is."""
    return -1.0 if objective in LOWER_IS_BETTER else 1.0


def check_objective(objective: str, classes: int, others: tuple[str, ...] = ()) -> None:
    """UsageError where there is no such metric, or none for so many classes; it names `others` as allowed too."""
    known = OBJECTIVES + TWO_CLASSES
    if objective not in known:
        raise unknown("objective", objective, list(known + others))
    if objective in TWO_CLASSES and classes != 2:
        raise UsageError(
            f"{objective} is for two classes, and the data has {classes}: choose one of {', '.join(OBJECTIVES)}"
        )


def evaluate(y: np.ndarray, probabilities: np.ndarray, threshold: float | None = None) -> dict[str, float]:
    """Metrics of `probabilities` (N, K) for `y` int (N,).

    With two classes also those of the second class as what is looked for; `threshold` is where it counts as found
    (None: whichever class is likelier). Where only one class is present, what needs both is left out: ranking metrics
    and precision, and recall where that class is the first.
    """
    classes = np.arange(probabilities.shape[1])
    predicted = _predict(probabilities, threshold)
    result = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "macro_f1": metrics.f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0),
        "log_loss": float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], SMALLEST)).mean()),
        "ece": calibration_error(y, probabilities),
    }
    if len(classes) == 2:
        result["brier"] = float(np.mean((probabilities[:, 1] - (y == 1)) ** 2))
        if len(np.unique(y)) == 2:
            result |= _ranking(y, probabilities[:, 1])
            result["precision"] = metrics.precision_score(y, predicted, zero_division=0)
        if (y == 1).any():
            result["recall"] = metrics.recall_score(y, predicted, zero_division=0)
    return {name: round(float(value), 6) for name, value in result.items()}


def _predict(probabilities: np.ndarray, threshold: float | None) -> np.ndarray:
    if threshold is None:
        return np.asarray(probabilities.argmax(axis=1))
    return (probabilities[:, 1] >= threshold).astype(np.int32)


def _ranking(y: np.ndarray, scores: np.ndarray) -> dict[str, float]:
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


def confusion(y: np.ndarray, probabilities: np.ndarray, threshold: float | None) -> np.ndarray:
    """Counts (K, K): rows are true classes, columns predicted ones."""
    labels = np.arange(probabilities.shape[1])
    return np.asarray(metrics.confusion_matrix(y, _predict(probabilities, threshold), labels=labels))
