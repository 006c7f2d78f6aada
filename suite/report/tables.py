"""The tables of a report: metrics with intervals, classes, and the confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from suite.data.dataset import Dataset
from suite.report import statistics
from suite.report.statistics import Interval

MAX_TABLE_CLASSES = 20
MAX_HEAT_MAP_CLASSES = 200
MAX_CLASSES = 200
MAX_PAIRS = 10


def metrics(splits: dict[str, dict[str, float]], intervals: dict[str, Interval]) -> list[dict[str, Any]]:
    """A row for each metric: its value on each split and its test interval; metrics with an interval come first."""
    names = dict.fromkeys([*intervals, *(name for values in splits.values() for name in values)])
    return [
        {"name": name, "values": [values.get(name) for values in splits.values()], "interval": intervals.get(name)}
        for name in names
    ]


@dataclass(frozen=True)
class ClassRow:
    """Metrics of a class on the test rows, and its number of rows in each split; `low` and `high` bound its recall."""

    label: str
    precision: float | None
    recall: float | None
    low: float
    high: float
    f1: float
    rows: tuple[int, ...]


def classes(dataset: Dataset, confusion: np.ndarray) -> list[ClassRow]:
    """Every class in the data's order; of very many, those with the lowest F1."""
    counts = np.stack([np.bincount(dataset.y[rows], minlength=len(dataset.labels)) for rows in dataset.rows.values()])
    class_rows = []
    for index, label in enumerate(dataset.labels):
        hit, flagged, present = (
            int(x) for x in (confusion[index, index], confusion[:, index].sum(), confusion[index].sum())
        )
        low, high = statistics.wilson(hit, present)
        class_rows.append(
            ClassRow(
                label, hit / flagged if flagged else None, hit / present if present else None, low, high,
                2 * hit / max(1, flagged + present), tuple(int(count) for count in counts[:, index]),
            )
        )  # fmt: skip
    return class_rows if len(class_rows) <= MAX_CLASSES else sorted(class_rows, key=lambda row: row.f1)[:MAX_CLASSES]


def confused_pairs(labels: Sequence[str], confusion: np.ndarray) -> list[tuple[str, str, int, float]]:
    """The commonest mistakes: true class, predicted class, rows, and their share of the true class."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    commonest = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = [divmod(int(index), len(labels)) for index in commonest]
    return [
        (labels[true], labels[answer], int(wrong[true, answer]), float(wrong[true, answer] / confusion[true].sum()))
        for true, answer in pairs
        if wrong[true, answer]
    ]


def matrix(confusion: np.ndarray) -> list[list[tuple[int, float]]] | None:
    """Counts with their share of the true class, for a table; None for too many classes."""
    if len(confusion) > MAX_TABLE_CLASSES:
        return None
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return [
        list(zip(map(int, row), map(float, part), strict=True)) for row, part in zip(confusion, shares, strict=True)
    ]


def heat_map(labels: Sequence[str], confusion: np.ndarray) -> Markup | None:
    """A heat map of the shares of the true class, for many classes; None if there are too many or too few."""
    size = len(confusion)
    if not MAX_TABLE_CLASSES < size <= MAX_HEAT_MAP_CLASSES:
        return None
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    parts = [
        f'<svg class="map" viewBox="-1 -1 {size + 2} {size + 2}" role="img" '
        f'aria-label="Confusion of {size} classes: rows are true classes, columns predictions">'
        f'<rect class="frame" x="0" y="0" width="{size}" height="{size}"/>'
    ]
    for true, answer in zip(*np.nonzero(confusion), strict=True):
        text = f"{labels[true]} predicted as {labels[answer]}: {confusion[true, answer]:,}"
        # In proportion, rare mistakes would be invisible.
        opacity = max(0.12, shares[true, answer] ** 0.5)
        parts.append(
            f'<rect x="{answer}" y="{true}" width="1" height="1" opacity="{opacity:.2f}">'
            f"<title>{escape(text)}</title></rect>"
        )
    return Markup("".join([*parts, "</svg>"]))
