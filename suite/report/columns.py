"""The columns of a table in a report: how often each is missing, and how much the network relies on it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suite.data.dataset import Dataset
from suite.notation import rounded
from suite.report import statistics
from suite.report.statistics import Interval, Predictions
from suite.task import Measure, Task

MAX_SHOWN = 30
# A measure takes about 25 ns for each row: so this many rows of all columns take some three seconds.
MAX_ROWS_MEASURED, MIN_RESAMPLES, MAX_RESAMPLES = 120_000_000, 100, 300


@dataclass(frozen=True)
class Importance:
    """By how much a metric of `rows` rows gets worse where a column's values are those of other rows, by column.

    The intervals are from a bootstrap over the rows.
    """

    metric: str
    rows: int
    drops: dict[str, Interval]


@dataclass(frozen=True)
class ColumnRow:
    """A column, the share of all rows in which it is missing, and its importance if it was measured."""

    name: str
    kind: str
    missing: float
    importance: Interval | None = None


def measure(
    task: Task, objective: str, unchanged: Predictions, weights: np.ndarray,
    exchanged: Iterable[tuple[str, np.ndarray]],
) -> Importance | None:  # fmt: skip
    """Permutation importance, most important first; None if the truth of all rows is the same.

    `weights` (N,) is how much each row counts. Each of `exchanged` is a column's name and the outputs (R x N, K)
    of the rows repeated R times, with the column's values from other rows.
    """
    if len(np.unique(unchanged.y)) < 2:
        return None
    metrics = task.headline_metrics(unchanged)
    name = objective if objective in metrics else next(iter(metrics))
    sign = task.direction(name)
    before = metrics[name](unchanged)

    def drop(outputs: np.ndarray) -> Measure:
        repeats = len(outputs) // len(weights)
        after = metrics[name](Predictions(np.concatenate([unchanged.y] * repeats), outputs, unchanged.threshold))
        return lambda counts: sign * (before(counts * weights) - after(np.tile(counts * weights, repeats)))

    found = dict(exchanged)
    # With several labels, a row takes as long as so many.
    values = sum(map(len, found.values())) * unchanged.y.size // len(unchanged.y)
    drawn = MAX_ROWS_MEASURED // max(1, values)
    drops = statistics.intervals(
        len(weights),
        {column: drop(outputs) for column, outputs in found.items()},
        int(np.clip(drawn, MIN_RESAMPLES, MAX_RESAMPLES)),
    )
    return Importance(name, len(weights), dict(sorted(drops.items(), key=lambda item: -item[1].value)))


def column_rows(dataset: Dataset, importance: Importance | None) -> list[ColumnRow]:
    """Every column, the most important first, then those that were not measured."""
    drops: Mapping[str, Interval] = importance.drops if importance else {}
    rows = [
        ColumnRow(spec.name, spec.kind, _missing_share(dataset.inputs[spec.name]), drops.get(spec.name))
        for spec in dataset.specs
    ]
    order = {name: place for place, name in enumerate(drops)}
    return sorted(rows, key=lambda row: order.get(row.name, len(order)))


def _missing_share(values: np.ndarray) -> float:
    return float(np.mean(values == "" if values.dtype == object else np.isnan(values)))


def to_json(rows: Iterable[ColumnRow], importance: Importance | None) -> dict[str, Any]:
    """The columns for a card; an undefined bound is None."""
    columns = {
        row.name: {"missing": round(row.missing, 6), "importance": _interval_json(row.importance)} for row in rows
    }
    measured = {"importance_metric": importance.metric, "importance_rows": importance.rows} if importance else {}
    return {"columns": columns, **measured}


def _interval_json(interval: Interval | None) -> dict[str, float | None] | None:
    if interval is None:
        return None
    return {name: None if np.isnan(value) else rounded(value) for name, value in asdict(interval).items()}
