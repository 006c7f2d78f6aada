"""Two models on the same test rows: which is better, and whether that may be chance."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite import artifact, task
from suite.artifact import Card
from suite.errors import SuiteError
from suite.report import statistics, stored_predictions
from suite.report.statistics import Interval, McNemar, Predictions
from suite.task import Task

SIGNIFICANCE = 1 - statistics.CONFIDENCE


@dataclass(frozen=True)
class EvaluatedModel:
    """A saved model and its predictions for its test rows, in an order that depends only on the rows."""

    folder: Path
    card: Card
    predictions: Predictions
    keys: np.ndarray

    @property
    def reference(self) -> str:
        """NAME/VERSION."""
        return f"{self.card.name}/{self.card.version}"

    @property
    def task(self) -> Task:
        """The kind of its answers."""
        return task.get(self.card.task)

    def right(self) -> np.ndarray | None:
        """Whether each row is answered rightly; None where answers are only more or less wrong."""
        return self.task.right(self.predictions)

    def intervals(self) -> dict[str, Interval]:
        """The headline metrics with their intervals."""
        return statistics.bootstrap(self.task.headline_metrics(self.predictions), self.predictions)


def load(models: Path, reference: str) -> EvaluatedModel:
    """A model of the store by NAME or NAME/VERSION."""
    folder = artifact.find(models, reference)
    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so it was never measured: report on a model made by 'suite fit'")
    stored = stored_predictions.read(folder, card).sorted()
    artifact.verify(folder, card, only=stored_predictions.FILE)
    return EvaluatedModel(folder, card, Predictions(stored.y, stored.outputs, card.threshold), stored.keys)


@dataclass(frozen=True)
class MetricComparison:
    """A metric of both models; `difference` is how much higher it is for the second."""

    first: float
    second: float
    difference: Interval


@dataclass(frozen=True)
class Comparison:
    """Two models compared on the same test rows; McNemar's test compares only answers that are right or wrong."""

    first: EvaluatedModel
    second: EvaluatedModel
    metrics: dict[str, MetricComparison]
    mcnemar: McNemar | None
    conclusion: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; an undefined bound is None."""
        return {
            "first": self.first.reference,
            "second": self.second.reference,
            "rows": len(self.first.keys),
            "metrics": {
                name: {"first": row.first, "second": row.second} | interval_json(row.difference, "difference")
                for name, row in self.metrics.items()
            },
            "mcnemar": asdict(self.mcnemar) if self.mcnemar else None,
            "conclusion": self.conclusion,
        }


def interval_json(interval: Interval, name: str = "value") -> dict[str, float | None]:
    """An interval as plain JSON values."""
    values = {name: interval.value, "low": interval.low, "high": interval.high}
    return {key: None if np.isnan(value) else value for key, value in values.items()}


def compare(first: EvaluatedModel, second: EvaluatedModel) -> Comparison:
    """Both models' metrics, the paired bootstrap of their differences, and McNemar's test.

    SuiteError if they were not tested on the same rows with the same labels.
    """
    _check_comparable(first, second)
    shared = {
        name: metric
        for name, metric in first.task.headline_metrics(first.predictions).items()
        if name in second.task.headline_metrics(second.predictions)
    }
    differences = statistics.paired_bootstrap(shared, first.predictions, second.predictions)
    once = np.ones(len(first.keys))
    metrics = {
        name: MetricComparison(metric(first.predictions)(once), metric(second.predictions)(once), differences[name])
        for name, metric in shared.items()
    }
    right, also_right = first.right(), second.right()
    test = None if right is None or also_right is None else statistics.mcnemar(right, also_right)
    main = next(iter(metrics))
    return Comparison(first, second, metrics, test, _conclude(first, second, main, metrics[main], test))


def _check_comparable(first: EvaluatedModel, second: EvaluatedModel) -> None:
    if first.card.labels != second.card.labels or first.predictions.y.ndim != second.predictions.y.ndim:
        answered = " and ".join(
            f"{one.reference} answers {', '.join(one.card.labels[:4]) or 'a number'}"
            f"{', ...' if len(one.card.labels) > 4 else ''}"
            for one in (first, second)
        )
        raise SuiteError(f"the models have different labels ({answered}): compare models of the same data")
    if not np.array_equal(first.keys, second.keys):
        shared = len(np.intersect1d(first.keys, second.keys))
        raise SuiteError(
            f"{first.reference} and {second.reference} were not tested on the same rows ({len(first.keys):,} and "
            f"{len(second.keys):,}, {shared:,} in common): fit both on the same data with the same --seed"
        )
    if not np.array_equal(first.predictions.y, second.predictions.y):
        different = int((first.predictions.y != second.predictions.y).reshape(len(first.keys), -1).any(axis=1).sum())
        raise SuiteError(f"the data of the models give {different:,} of the same test rows different labels")


def _conclude(
    first: EvaluatedModel, second: EvaluatedModel, name: str, row: MetricComparison, test: McNemar | None
) -> str:  # fmt: skip
    """What the main metric's interval and McNemar's test say, in plain words."""
    value, low, high = row.difference.value, row.difference.low, row.difference.high
    mcnemar = f" {_conclude_mcnemar(test)}" if test else ""
    if _are_equal(first, second):
        return "Both models answer every test row alike."
    if np.isnan(low):
        return f"The test rows cannot tell how {name} differs.{mcnemar}"
    if low <= 0 <= high:
        return (
            f"These {len(first.keys):,} rows do not tell the models apart by {name}: the difference of {value:+.4f} "
            f"may be chance, since its interval ({low:+.4f} to {high:+.4f}) includes zero.{mcnemar}"
        )
    better = second if value * first.task.direction(name) > 0 else first
    return (
        f"{better.reference} is better by {name}: the difference is {value:+.4f}, and its 95% interval "
        f"({low:+.4f} to {high:+.4f}) excludes zero.{mcnemar}"
    )


def _are_equal(first: EvaluatedModel, second: EvaluatedModel) -> bool:
    alike = np.array_equal(first.predictions.outputs, second.predictions.outputs)
    decided = [one.task.decide(one.predictions) for one in (first, second)]
    return alike and np.array_equal(decided[0], decided[1])


def _conclude_mcnemar(test: McNemar) -> str:
    if not test.only_first + test.only_second:
        return "They are right on the same rows."
    verdict = "more than chance explains" if test.p < SIGNIFICANCE else "which chance explains as well"
    return (
        f"Only the first is right on {test.only_first:,} rows, only the second on {test.only_second:,}: {verdict} "
        f"(McNemar, p = {test.p:.2g})."
    )
