"""The sections of a report of a model that answers with any number of labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from suite.artifact import Card
from suite.data.dataset import Dataset
from suite.report import curves, label_statistics, mistakes, statistics
from suite.report.page import ReportData
from suite.report.statistics import Interval, Predictions
from suite.task import ReportSections

TITLES = {
    "labels": "Labels",
    "number": "Labels of a row",
    "ranking": "ROC and precision-recall",
    "calibration": "Calibration",
    "common": "Most common mistakes",
    "mistakes": "Worst mistakes",
}
# Intervals of the area under the ROC curve take a few seconds for so many labels.
MAX_INTERVALS, RESAMPLES = 20, 200
MAX_ROWS_SHOWN, MAX_COMMON, MAX_NUMBER = 200, 12, 10
NONE = "no label"


@dataclass(frozen=True)
class LabelRow:
    """Metrics of a label on the test rows, and its rows in each split; `low` and `high` bound its recall."""

    label: str
    threshold: float
    precision: float | None
    recall: float | None
    low: float
    high: float
    f1: float
    roc_auc: Interval
    average_precision: float
    rows: tuple[int, ...]


@dataclass(frozen=True)
class NumberRow:
    """The rows with so many labels: truly, as answered, and of the first those with all labels right."""

    labels: str
    rows: int
    answered: int
    right: int


def sections(card: Card, data: ReportData) -> ReportSections:
    """Labels, how many a row has, ranking, calibration and mistakes on the test rows."""
    predictions = data.predictions
    said = label_statistics.holds(predictions)
    content = {
        "label_rows": _label_rows(data.dataset, predictions, said),
        "numbers": _numbers(predictions.y, said),
        "ranking": ranking(predictions, card.labels),
        "calibration": calibration(predictions),
        "common": _common(predictions.y, said, card.labels),
        "mistakes": _worst(data.dataset, predictions, said, card),
        "wrong": int((said != predictions.y).any(axis=1).sum()),
    }
    return ReportSections(TITLES, "multi_label", content)


def _label_rows(dataset: Dataset, predictions: Predictions, said: np.ndarray) -> list[LabelRow]:
    """Every label in the data's order; of very many, those with the lowest F1."""
    counts = np.stack([dataset.y[rows].sum(axis=0) for rows in dataset.rows.values()])
    areas, once = _areas(predictions), np.ones(len(said))
    thresholds = np.broadcast_to(np.asarray(predictions.threshold, np.float64), len(dataset.labels))
    found = []
    for index, label in enumerate(dataset.labels):
        true = predictions.y[:, index]
        hit, flagged, present = (int(x.sum()) for x in (true & said[:, index], said[:, index], true))
        average = statistics.average_precision(label_statistics.of_label(predictions, index))(once)
        found.append(
            LabelRow(
                label, float(thresholds[index]), hit / flagged if flagged else None, hit / present if present else None,
                *statistics.wilson(hit, present), 2 * hit / max(1, flagged + present), areas[index], average,
                tuple(int(count) for count in counts[:, index]),
            )
        )  # fmt: skip
    return found if len(found) <= MAX_ROWS_SHOWN else sorted(found, key=lambda row: row.f1)[:MAX_ROWS_SHOWN]


def _areas(predictions: Predictions) -> list[Interval]:
    """The area under each label's ROC curve; where there are few labels, with an interval."""
    measures = {
        str(index): statistics.roc_auc(label_statistics.of_label(predictions, index))
        for index in range(predictions.y.shape[1])
    }
    if len(measures) <= MAX_INTERVALS:
        return list(statistics.intervals(len(predictions.y), measures, RESAMPLES).values())
    once = np.ones(len(predictions.y))
    return [Interval(measure(once), np.nan, np.nan) for measure in measures.values()]


def _numbers(y: np.ndarray, said: np.ndarray) -> list[NumberRow]:
    true, answered = (np.minimum(x.sum(axis=1), MAX_NUMBER) for x in (y, said))
    right = (y == said).all(axis=1)
    return [
        NumberRow(
            f"{number} or more" if number == MAX_NUMBER else str(number),
            int((true == number).sum()), int((answered == number).sum()), int(right[true == number].sum()),
        )
        for number in range(int(max(true.max(), answered.max())) + 1)
    ]  # fmt: skip


def ranking(predictions: Predictions, labels: Sequence[str]) -> list[Markup]:
    """ROC and precision-recall curves of the hardest labels, those with the lowest average precision."""
    once, said = np.ones(len(predictions.y)), label_statistics.holds(predictions)
    of_labels = {
        int(index): label_statistics.of_label(predictions, index) for index in label_statistics.has_both(predictions.y)
    }
    hardest = sorted(of_labels, key=lambda index: statistics.average_precision(of_labels[index])(once))
    return curves.draw_ranking(
        [(labels[index], of_labels[index], said[:, index]) for index in hardest[: curves.MAX_CLASSES]]
    )


def calibration(predictions: Predictions) -> list[Markup]:
    """A reliability diagram of all labels together, and the number of labels of rows by score."""
    return curves.reliability(
        predictions.outputs.ravel(), predictions.y.ravel(), "score of a label", "share that holds"
    )  # fmt: skip


def _common(y: np.ndarray, said: np.ndarray, labels: Sequence[str]) -> list[tuple[str, str, int, float]]:
    """Labels left out, or given though they do not hold, most often: label, what, rows, and their share."""
    found = []
    for index, label in enumerate(labels):
        true, answered = y[:, index], said[:, index]
        left_out, given = int((true & ~answered).sum()), int((~true & answered).sum())
        found.append((label, "left out", left_out, left_out / max(1, true.sum())))
        found.append((label, "given where it does not hold", given, given / max(1, (~true).sum())))
    return [row for row in sorted(found, key=lambda row: -row[2]) if row[2]][:MAX_COMMON]


def _worst(dataset: Dataset, predictions: Predictions, said: np.ndarray, card: Card) -> list[mistakes.Mistake]:
    """The rows with a wrong label of which the model was surest."""
    of_answer = np.where(said, predictions.outputs, 1 - predictions.outputs)
    confidence = np.where(said != predictions.y, of_answer, 0.0).max(axis=1)
    wrong = np.flatnonzero((said != predictions.y).any(axis=1))
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][: mistakes.MAX_MISTAKES]
    rows = dataset.rows["test"][shown]
    inputs = mistakes.inputs_of(dataset, rows, card.preprocessing)
    return [
        mistakes.Mistake(
            int(row), _words(predictions.y[index], card.labels), _words(said[index], card.labels),
            float(confidence[index]), dataset.file_of(int(row)), **found,
        )
        for index, row, found in zip(shown, rows, inputs, strict=True)
    ]  # fmt: skip


def _words(holds: np.ndarray, labels: Sequence[str]) -> str:
    return ", ".join(label for label, is_held in zip(labels, holds, strict=True) if is_held) or NONE
