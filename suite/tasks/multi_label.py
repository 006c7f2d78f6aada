"""Multi-label: any number of labels at once, with a probability of each."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.artifact import PROBABILITIES, Card, TensorSpec, Threshold
from suite.data.dataset import Dataset
from suite.domain import Recipe
from suite.errors import SuiteError, UsageError, listed, unknown
from suite.task import Calibration, Measure, ReportSections, Settled, Task

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

TEMPERATURE = "temperature"
SHOWN = 5


class MultiLabel(Task):
    """Any number of labels: probabilities (N, labels) that do not depend on each other, a threshold for each.

    They are calibrated by one temperature for all.
    """

    name: ClassVar[str] = "multi_label"
    summary: ClassVar[str] = "any number of labels at once, with a probability of each"
    answers_with: ClassVar[str] = "the labels that hold"
    objective: ClassVar[str] = "macro_average_precision"
    output: ClassVar[str] = PROBABILITIES
    has_threshold: ClassVar[bool] = True
    criterion: ClassVar[str] = "calibrated_log_loss"
    loss_metric: ClassVar[str | None] = "log_loss"

    def check(self, dataset: Dataset) -> None:
        y = dataset.y[dataset.rows["train"]]
        for words, holds in (("no", ~y.any(axis=0)), ("every", y.all(axis=0))):
            found = [dataset.labels[number] for number in np.flatnonzero(holds)]
            if found:
                raise SuiteError(
                    f"the label '{found[0]}' holds in {words} training row, so there is nothing to learn: bring other "
                    f"rows, or leave it out of --label-column{_others(found[1:])}"
                )
        y = dataset.y[dataset.rows["validation"]]
        if not (y.any(axis=0) & ~y.all(axis=0)).any():
            raise SuiteError(
                f"each label holds in all of the {len(y):,} validation rows or in none, so nothing can be chosen on "
                "them: bring more rows"
            )

    def target(self, dataset: Dataset) -> dict[str, Any]:
        return {"labels": len(dataset.labels)}

    def head(
        self, x: "keras.KerasTensor", target: Mapping[str, Any], offset: "keras.KerasTensor | None" = None
    ) -> "dict[str, keras.KerasTensor]":
        from suite.blocks import heads

        return heads.multi_label(x, target["labels"], offset)

    def loss(self, hp: "HyperParameters", recipe: Recipe) -> "keras.losses.Loss":
        from suite.training import losses, model

        return model.loss(hp, recipe, losses.LabelCrossEntropy)

    def targets(self, y: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """One where a label holds, else zero."""
        return y.astype(np.float32)

    def evaluate(self, y: np.ndarray, outputs: np.ndarray, threshold: Threshold | None = None) -> dict[str, float]:
        from suite.training import label_metrics

        return label_metrics.evaluate(y, outputs, threshold)

    def criterion_of(self, y: np.ndarray, outputs: np.ndarray) -> float:
        from suite.training import label_metrics

        return label_metrics.calibrated_log_loss(y, outputs)

    def direction(self, metric: str) -> float:
        from suite.training import label_metrics

        return -1.0 if metric in label_metrics.LOWER_IS_BETTER else 1.0

    def check_objective(self, metric: str, classes: int, others: tuple[str, ...] = ()) -> None:
        from suite.training.evaluate import OBJECTIVES as OF_CLASSES
        from suite.training.evaluate import TWO_CLASSES
        from suite.training.label_metrics import OBJECTIVES

        if metric in OBJECTIVES:
            return
        if metric in (*OF_CLASSES, *TWO_CLASSES):
            raise UsageError(
                f"{metric} is for one class a row, and there are several labels: choose {', '.join(OBJECTIVES)}"
            )
        raise unknown("objective", metric, [*OBJECTIVES, *others])

    def undefined_metrics(self, y: np.ndarray, labels: Sequence[str], metrics: Mapping[str, float]) -> list[str]:
        from suite.training.label_metrics import RANKING

        alike = [label for label, holds in zip(labels, y.T, strict=True) if holds.all() or not holds.any()]
        if not alike:
            return []
        shown = f"{listed(alike[:SHOWN])}{', ...' if len(alike) > SHOWN else ''}"
        if len(alike) == len(labels):
            return [f"each label holds in all rows or in none ({shown}): there is no {', '.join(RANKING)}"]
        return [f"labels that hold in all rows or in none are left out of {' and '.join(RANKING)}: {shown}"]

    def settle(
        self, dataset: Dataset, y: np.ndarray, rule: Any, outputs: np.ndarray, give: Callable[[Calibration], np.ndarray]
    ) -> Settled:
        from suite.training import calibration, cost_column, label_metrics, label_thresholds

        temperature = label_metrics.temperature(y, outputs)
        probabilities = give({TEMPERATURE: temperature})
        amounts = cost_column.amounts(dataset, rule, dataset.rows["validation"])
        chosen = label_thresholds.choose(rule, y, probabilities, amounts)
        notes = [
            *calibration.bound_notes(temperature),
            *cost_column.negative_notes(dataset, rule),
            *label_thresholds.precision_notes(rule, y, probabilities, chosen, dataset.labels),
            *label_thresholds.few_rows_notes(rule, y, dataset.labels),
        ]
        return Settled({TEMPERATURE: temperature}, chosen, notes)

    def calibrate(self, model: "keras.Model", calibration: Calibration) -> None:
        model.get_layer(PROBABILITIES).temperature.assign(calibration[TEMPERATURE])

    def outputs(self, dataset: Dataset) -> list[TensorSpec]:
        return [TensorSpec(PROBABILITIES, "float32", (len(dataset.labels),), PROBABILITIES)]

    def is_truth(self, y: np.ndarray, classes: int) -> bool:
        return y.dtype.kind == "b" and y.shape == (len(y), classes)

    def describe(self, labels: Sequence[str]) -> str:
        return f"any of {len(labels):,} labels"

    def decide(self, predictions: Any) -> np.ndarray:
        from suite.report import label_statistics

        return label_statistics.holds(predictions)

    def right(self, predictions: Any) -> np.ndarray | None:
        return np.asarray((self.decide(predictions) == predictions.y).all(axis=1))

    def headline_metrics(self, predictions: Any) -> dict[str, Callable[[Any], Measure]]:
        from suite.report import label_statistics

        return dict(label_statistics.headline_metrics(predictions))

    def charts(self, card: Card, predictions: Any) -> Sequence[Any]:
        from suite.report import multi_label

        return [*multi_label.ranking(predictions, card.labels), *multi_label.calibration(predictions)]

    def report(self, card: Card, data: Any) -> ReportSections:
        from suite.report import multi_label

        return multi_label.sections(card, data)


def _others(labels: Sequence[str]) -> str:
    more = f"{listed(labels[:SHOWN])}{', ...' if len(labels) > SHOWN else ''}"
    return f" (as with {more})" if labels else ""


TASK: Task = MultiLabel()
