"""The tables of a report: metrics with intervals, and classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.data.dataset import Dataset
from suite.report import statistics
from suite.report.statistics import Interval

MAX_CLASSES = 200


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
