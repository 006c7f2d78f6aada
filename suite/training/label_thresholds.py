"""The choice of a threshold for each of several labels."""

from itertools import islice

import numpy as np

from suite.decision import LIKELIER
from suite.training import thresholds
from suite.training.thresholds import ThresholdRule

# Resampling takes a tenth of a second for each label.
MAX_SMOOTHED = 20
FEW_ROWS, SHOWN = 10, 5


def choose(
    rule: ThresholdRule, y: np.ndarray, probabilities: np.ndarray, amounts: np.ndarray | None = None
) -> list[float]:
    """The threshold that the rule chooses for each label, on rows with labels y bool (N, L) and probabilities (N, L).

    One that holds in all of the rows or in none gets one half, unless the rule is a number.
    """
    make = thresholds.choose_smoothed if y.shape[1] <= MAX_SMOOTHED else thresholds.choose
    return [
        make(rule, truth.astype(np.int64), scores, amounts)
        if 0 < truth.sum() < len(truth) or thresholds.is_given(rule)
        else LIKELIER
        for truth, scores in zip(y.T, probabilities.T, strict=True)
    ]


def precision_notes(
    rule: ThresholdRule, y: np.ndarray, probabilities: np.ndarray, chosen: list[float], labels: list[str]
) -> list[str]:
    """Notes on labels that no threshold gives the precision that the rule asks for; of many, on the first few."""
    found = (
        f"{label}: {note}"
        for label, truth, scores, threshold in zip(labels, y.T, probabilities.T, chosen, strict=True)
        if 0 < truth.sum() < len(truth)
        for note in thresholds.precision_shortfall(rule, truth.astype(np.int64), scores, threshold)
    )
    return list(islice(found, SHOWN))


def few_rows_notes(rule: ThresholdRule, y: np.ndarray, labels: list[str]) -> list[str]:
    """A note on labels that hold in few rows (N, L), or in nearly all: their thresholds are unsure; else none."""
    rarer = np.minimum(y.sum(axis=0), (~y).sum(axis=0))
    unsure = [labels[number] for number in np.argsort(rarer, kind="stable") if rarer[number] < FEW_ROWS]
    if thresholds.is_given(rule) or not unsure:
        return []
    shown = ", ".join(unsure[:SHOWN]) + (f" and {len(unsure) - SHOWN:,} others" if len(unsure) > SHOWN else "")
    return [
        f"The thresholds of these labels are unsure, since fewer than {FEW_ROWS} validation rows tell them: {shown}. "
        "Bring more rows, or set one for all with --threshold 0.5."
    ]
