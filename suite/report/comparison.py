"""Two models on the same test rows: which is better, and whether chance could have done it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite import artifact
from suite.artifact import Card
from suite.errors import SuiteError
from suite.report import held_back, statistics
from suite.report.statistics import Answers, Interval, McNemar

SIGNIFICANT = 1 - statistics.LEVEL
LOWER_IS_BETTER = "log_loss"


@dataclass(frozen=True)
class Measured:
    """A saved model with its answers to its test rows, in an order that only the rows decide."""

    folder: Path
    card: Card
    answers: Answers
    keys: np.ndarray

    @property
    def reference(self) -> str:
        """NAME/VERSION."""
        return f"{self.card.name}/{self.card.version}"

    def intervals(self) -> dict[str, Interval]:
        """The headline metrics with their intervals."""
        return statistics.bootstrap(statistics.headline(self.answers), self.answers)


def load(models: Path, reference: str) -> Measured:
    """A model of the store by NAME or NAME/VERSION."""
    folder = artifact.find(models, reference)
    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so it was never measured: report on a model made by 'suite fit'")
    kept = held_back.read(folder, len(card.labels)).sorted()
    artifact.verify(folder, card, only=held_back.FILE)
    return Measured(folder, card, Answers(kept.y, kept.probabilities, card.threshold), kept.keys)


@dataclass(frozen=True)
class Row:
    """A metric of both models; `difference` is how much higher it is with the second."""

    first: float
    second: float
    difference: Interval


@dataclass(frozen=True)
class Comparison:
    """What two models' answers to the same rows say."""

    first: Measured
    second: Measured
    metrics: dict[str, Row]
    mcnemar: McNemar
    conclusion: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; a bound that the rows cannot tell is None."""
        return {
            "first": self.first.reference,
            "second": self.second.reference,
            "rows": len(self.first.keys),
            "metrics": {
                name: {"first": row.first, "second": row.second} | interval_json(row.difference, "difference")
                for name, row in self.metrics.items()
            },
            "mcnemar": asdict(self.mcnemar),
            "conclusion": self.conclusion,
        }


def interval_json(interval: Interval, name: str = "value") -> dict[str, float | None]:
    """An interval as plain JSON values."""
    values = {name: interval.value, "low": interval.low, "high": interval.high}
    return {key: None if np.isnan(value) else value for key, value in values.items()}


def compare(first: Measured, second: Measured) -> Comparison:
    """Both models' metrics, the paired bootstrap of their differences, McNemar's test.

    SuiteError where they were not tested on the same rows with the same labels.
    """
    _check(first, second)
    chosen = {
        name: metric
        for name, metric in statistics.headline(first.answers).items()
        if name in statistics.headline(second.answers)
    }
    differences = statistics.paired_bootstrap(chosen, first.answers, second.answers)
    whole = np.ones(len(first.keys))
    metrics = {
        name: Row(metric(first.answers)(whole), metric(second.answers)(whole), differences[name])
        for name, metric in chosen.items()
    }
    test = statistics.mcnemar(first.answers, second.answers)
    main = next(iter(metrics))
    return Comparison(first, second, metrics, test, _conclude(first, second, main, metrics[main], test))


def _check(first: Measured, second: Measured) -> None:
    if first.card.labels != second.card.labels:
        found = " and ".join(
            f"{one.reference} answers {', '.join(one.card.labels[:4])}{', ...' if len(one.card.labels) > 4 else ''}"
            for one in (first, second)
        )
        raise SuiteError(f"the models have different labels ({found}): compare models of the same data")
    if not np.array_equal(first.keys, second.keys):
        shared = len(np.intersect1d(first.keys, second.keys))
        raise SuiteError(
            f"{first.reference} and {second.reference} were not tested on the same rows ({len(first.keys):,} and "
            f"{len(second.keys):,}, {shared:,} in common): fit both on the same data with the same --seed"
        )
    if not np.array_equal(first.answers.y, second.answers.y):
        different = int((first.answers.y != second.answers.y).sum())
        raise SuiteError(f"the data of the models give {different:,} of the same test rows different labels")


def _conclude(first: Measured, second: Measured, name: str, row: Row, test: McNemar) -> str:
    """What the main metric's interval and McNemar's test say, in plain words."""
    value, low, high = row.difference.value, row.difference.low, row.difference.high
    answers = _on_answers(test)
    if _alike(first.answers, second.answers):
        return "Both models answer every test row alike."
    if np.isnan(low):
        return f"The test rows cannot tell how {name} differs. {answers}"
    if low <= 0 <= high:
        return (
            f"These {len(first.keys):,} rows do not tell the models apart by {name}: the difference of {value:+.4f} "
            f"may be chance, since its interval ({low:+.4f} to {high:+.4f}) holds zero. {answers}"
        )
    better = second if (value > 0) != (name == LOWER_IS_BETTER) else first
    return (
        f"{better.reference} is better by {name}: the difference is {value:+.4f}, and its 95% interval "
        f"({low:+.4f} to {high:+.4f}) leaves zero out. {answers}"
    )


def _alike(first: Answers, second: Answers) -> bool:
    return np.array_equal(first.probabilities, second.probabilities) and np.array_equal(
        first.predicted, second.predicted
    )


def _on_answers(test: McNemar) -> str:
    if not test.only_first + test.only_second:
        return "They are right on the same rows."
    verdict = "more than chance explains" if test.p < SIGNIFICANT else "which chance explains as well"
    return (
        f"Only the first is right on {test.only_first:,} rows, only the second on {test.only_second:,}: {verdict} "
        f"(McNemar, p = {test.p:.2g})."
    )
