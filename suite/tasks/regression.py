"""Regression: a number, with an interval that holds nine of ten."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.artifact import PREDICTION, Card, TensorSpec, Threshold
from suite.data.dataset import Dataset
from suite.domain import Recipe
from suite.errors import SuiteError, UsageError, unknown
from suite.task import Calibration, Measure, ReportSections, Scores, Settled, Task

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

MARGIN = "margin"
LEVEL = 0.9
OBJECTIVES = ("rmse", "mae", "r2")
# Fewer validation rows than this say little about one of ten.
MIN_ROWS = 50
# Answers are float32: numbers that differ by less than so many times the rounding lose their digits.
ROUNDINGS = 100


class Regression(Task):
    """A number: prediction, lower and upper bound (N, 3), the bounds calibrated by split conformal prediction."""

    name: ClassVar[str] = "regression"
    summary: ClassVar[str] = "a number, with an interval that holds 90% of them"
    answers_with: ClassVar[str] = "a number"
    objective: ClassVar[str] = "rmse"
    output: ClassVar[str] = PREDICTION
    criterion: ClassVar[str] = "rmse"

    def check(self, dataset: Dataset) -> None:
        y = dataset.y[dataset.rows["train"]]
        if np.ptp(y) == 0:
            raise SuiteError(
                f"the label is {y[0]:g} in all training rows, so there is nothing to learn: bring other rows"
            )

    def target(self, dataset: Dataset) -> dict[str, Any]:
        y = dataset.y[dataset.rows["train"]]
        return {"name": dataset.source.get("label_column"), "level": LEVEL, "centre": float(y.mean()),
                "scale": float(y.std())}  # fmt: skip

    def head(
        self, x: "keras.KerasTensor", target: Mapping[str, Any], offset: "keras.KerasTensor | None" = None
    ) -> "dict[str, keras.KerasTensor]":
        from suite.blocks import regression

        return regression.interval(x, target["centre"], target["scale"], offset)

    def scores(self, target: Mapping[str, Any]) -> Scores | None:
        return Scores("regression", 1)

    def answers_of(self, scores: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """The number, and an interval without width."""
        numbers = scores.astype(np.float64) * target["scale"] + target["centre"]
        return np.asarray(np.repeat(numbers, 3, axis=1), np.float32)

    def loss(self, hp: "HyperParameters", recipe: Recipe) -> "keras.losses.Loss":
        from suite.training.losses import QuadraticLoss

        return QuadraticLoss()

    def targets(self, y: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """Standardised in float64, so that a large centre costs no digits."""
        standardised = (y - target["centre"]) / target["scale"]
        return np.asarray(standardised[:, None], np.float32)

    def evaluate(self, y: np.ndarray, outputs: np.ndarray, threshold: Threshold | None = None) -> dict[str, float]:
        from suite.training import regression_metrics

        return regression_metrics.evaluate(y, outputs)

    def direction(self, metric: str) -> float:
        return 1.0 if metric in ("r2", "coverage") else -1.0

    def check_objective(self, metric: str, classes: int, others: tuple[str, ...] = ()) -> None:
        if metric not in OBJECTIVES:
            from suite.training.evaluate import OBJECTIVES as OF_CLASSES

            if metric in OF_CLASSES:
                raise UsageError(f"{metric} is for classes, and a number is predicted: choose {', '.join(OBJECTIVES)}")
            raise unknown("objective", metric, [*OBJECTIVES, *others])

    def undefined_metrics(self, y: np.ndarray, labels: Sequence[str], metrics: Mapping[str, float]) -> list[str]:
        return [] if "r2" in metrics else [f"all rows have the number {y[0]:g}: there is no r2"]

    def settle(
        self, dataset: Dataset, y: np.ndarray, rule: Any, outputs: np.ndarray, give: Callable[[Calibration], np.ndarray]
    ) -> Settled:
        from suite.training import regression_metrics

        margin = regression_metrics.conformal_margin(y, outputs, LEVEL)
        give({MARGIN: margin})
        notes = []
        if len(y) < MIN_ROWS:
            notes.append(f"The intervals are unsure: only {len(y)} validation rows tell how wide they must be.")
        if np.spacing(np.float32(np.abs(y).max())) * ROUNDINGS > dataset.y.std():
            notes.append(
                "The numbers to predict differ by little more than float32 rounds them: subtract a constant from them."
            )
        return Settled({MARGIN: margin}, None, notes)

    def calibrate(self, model: "keras.Model", calibration: Calibration) -> None:
        model.get_layer(PREDICTION).margin.assign(calibration[MARGIN])

    def outputs(self, dataset: Dataset) -> list[TensorSpec]:
        return [TensorSpec(PREDICTION, "float32", (3,), PREDICTION)]

    def parity_scale(self, target: Mapping[str, Any]) -> float:
        return float(target["scale"])

    def is_truth(self, y: np.ndarray, classes: int) -> bool:
        return y.dtype.kind == "f" and bool(np.isfinite(y).all())

    def describe(self, labels: Sequence[str]) -> str:
        return "a number"

    def headline_metrics(self, predictions: Any) -> dict[str, Callable[[Any], Measure]]:
        from suite.report import number_statistics

        return dict(number_statistics.METRICS)

    def charts(self, card: Card, predictions: Any) -> Sequence[Any]:
        from suite.report import regression

        return [*regression.errors(predictions), regression.coverage(predictions, card.target["level"])]

    def report(self, card: Card, data: Any) -> ReportSections:
        from suite.report import regression

        return regression.sections(card, data)


TASK: Task = Regression()
