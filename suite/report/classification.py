"""The sections of a report of a model that answers with a class."""

from typing import TYPE_CHECKING, Any

import numpy as np

from suite.artifact import Card
from suite.report import confusion, curves, mistakes, statistics, tables
from suite.report.page import ReportData
from suite.task import ReportSections

if TYPE_CHECKING:
    from suite.training.thresholds import ErrorCosts

TITLES = {
    "classes": "Classes",
    "confusion": "Confusion",
    "ranking": "ROC and precision-recall",
    "calibration": "Calibration",
    "threshold": "Threshold",
    "mistakes": "Worst mistakes",
}


def sections(card: Card, data: ReportData) -> ReportSections:
    """Classes, confusion, ranking, calibration, threshold and mistakes on the test rows."""
    predictions = data.predictions
    counts = statistics.confusion(predictions).astype(np.int64)
    content = {
        "classes": tables.classes(data.dataset, counts),
        "matrix": confusion.matrix(counts),
        "clustered": confusion.cluster(card.labels, counts),
        "opacity": confusion.opacity,
        "max_clusters": confusion.MAX_CLUSTERS,
        "confused": confusion.confused_pairs(card.labels, counts) if len(card.labels) > 2 else [],
        "ranking": curves.ranking(predictions, card.labels),
        "calibration": curves.calibration(predictions, card.labels),
        "thresholds": _threshold_charts(data),
        "cost": _cost(data) if len(card.labels) == 2 else None,
        "costs": _describe_costs(data.costs),
        "mistakes": mistakes.worst(data.dataset, predictions, card.preprocessing),
        "wrong": int((predictions.predicted != predictions.y).sum()),
    }
    return ReportSections(TITLES, "classification", content)


def _threshold_charts(data: ReportData) -> list[Any]:
    if data.predictions.probabilities.shape[1] == 2:
        return curves.thresholds(data.predictions, data.missed_costs, data.costs.false_positive)
    return curves.abstention(data.predictions)


def _cost(data: ReportData) -> float:
    return curves.cost(data.predictions, data.missed_costs, data.costs.false_positive)


def _describe_costs(costs: "ErrorCosts") -> str:
    missed = f"what its row has in {costs.column}" if costs.column else f"{costs.false_negative:g}"
    return f"a missed case costs {missed} and a false alarm {costs.false_positive:g}"
