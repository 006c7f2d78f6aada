"""The tables of a report: metrics with intervals, classes, confusions, dead units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from suite.data.dataset import Dataset
from suite.report import statistics
from suite.report.statistics import Interval

LARGEST_TABLE = 20
LARGEST_MAP = 200
MOST_CLASSES = 200
MOST_PAIRS = 10


def metrics(splits: dict[str, dict[str, float]], intervals: dict[str, Interval]) -> list[dict[str, Any]]:
    """A row a metric: its value on each split and its interval on the test split, those with an interval first."""
    names = dict.fromkeys([*intervals, *(name for values in splits.values() for name in values)])
    return [
        {"name": name, "values": [values.get(name) for values in splits.values()], "interval": intervals.get(name)}
        for name in names
    ]


@dataclass(frozen=True)
class ClassRow:
    """How a class fares on the test rows, and its rows by split; `low` and `high` bound its recall."""

    label: str
    precision: float | None
    recall: float | None
    low: float
    high: float
    f1: float
    rows: tuple[int, ...]


def classes(dataset: Dataset, confusion: np.ndarray) -> list[ClassRow]:
    """Every class in the data's order; of very many, those with the least F1."""
    counts = np.stack([np.bincount(dataset.y[rows], minlength=len(dataset.labels)) for rows in dataset.rows.values()])
    found = []
    for index, label in enumerate(dataset.labels):
        hit, flagged, present = (
            int(x) for x in (confusion[index, index], confusion[:, index].sum(), confusion[index].sum())
        )
        low, high = statistics.wilson(hit, present)
        found.append(
            ClassRow(
                label, hit / flagged if flagged else None, hit / present if present else None, low, high,
                2 * hit / max(1, flagged + present), tuple(int(count) for count in counts[:, index]),
            )
        )  # fmt: skip
    return found if len(found) <= MOST_CLASSES else sorted(found, key=lambda row: row.f1)[:MOST_CLASSES]


def confused(labels: Sequence[str], confusion: np.ndarray) -> list[tuple[str, str, int, float]]:
    """The commonest mistakes: true class, answer, rows, their share of the true class."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    commonest = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = [divmod(int(place), len(labels)) for place in commonest]
    return [
        (labels[true], labels[answer], int(wrong[true, answer]), float(wrong[true, answer] / confusion[true].sum()))
        for true, answer in pairs
        if wrong[true, answer]
    ]


def matrix(confusion: np.ndarray) -> list[list[tuple[int, float]]] | None:
    """Counts with their share of the true class, for a table; None where it would not be readable."""
    if len(confusion) > LARGEST_TABLE:
        return None
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return [
        list(zip(map(int, row), map(float, part), strict=True)) for row, part in zip(confusion, shares, strict=True)
    ]


def heat_map(labels: Sequence[str], confusion: np.ndarray) -> Markup | None:
    """Many classes as squares, darker the larger the share of the true class; None where there are too many or few."""
    size = len(confusion)
    if not LARGEST_TABLE < size <= LARGEST_MAP:
        return None
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    parts = [
        f'<svg class="map" viewBox="-1 -1 {size + 2} {size + 2}" role="img" '
        f'aria-label="Confusion of {size} classes: rows are true classes, columns answers">'
        f'<rect class="frame" x="0" y="0" width="{size}" height="{size}"/>'
    ]
    for true, answer in zip(*np.nonzero(confusion), strict=True):
        text = f"{labels[true]} answered as {labels[answer]}: {confusion[true, answer]:,}"
        # Rare mistakes would be invisible in proportion.
        opacity = max(0.12, shares[true, answer] ** 0.5)
        parts.append(
            f'<rect x="{answer}" y="{true}" width="1" height="1" opacity="{opacity:.2f}">'
            f"<title>{escape(text)}</title></rect>"
        )
    return Markup("".join([*parts, "</svg>"]))
