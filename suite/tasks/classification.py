"""Classification: one class out of several, with a probability of each."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.artifact import PROBABILITIES, Card, TensorSpec, Threshold
from suite.data import splits
from suite.data.dataset import Dataset
from suite.domain import Recipe
from suite.task import Calibration, Measure, ReportSections, Scores, Settled, Task

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

TEMPERATURE = "temperature"


class Classification(Task):
    """One class out of several: probabilities (N, classes), calibrated by temperature scaling."""

    name: ClassVar[str] = "classification"
    summary: ClassVar[str] = "the likeliest of several classes, with a probability of each"
    answers_with: ClassVar[str] = "the likeliest class"
    objective: ClassVar[str] = "accuracy"
    output: ClassVar[str] = PROBABILITIES
    criterion: ClassVar[str] = "calibrated_log_loss"
    loss_metric: ClassVar[str | None] = "log_loss"

    def check(self, dataset: Dataset) -> None:
        splits.check_class_coverage(dataset)

    def target(self, dataset: Dataset) -> dict[str, Any]:
        return {"classes": len(dataset.labels)}

    def head(
        self, x: "keras.KerasTensor", target: Mapping[str, Any], offset: "keras.KerasTensor | None" = None
    ) -> "dict[str, keras.KerasTensor]":
        from suite.blocks import heads

        return heads.classification(x, target["classes"], offset)

    def scores(self, target: Mapping[str, Any]) -> Scores | None:
        return Scores("binary", 1) if target["classes"] == 2 else Scores("multiclass", target["classes"])

    def answers_of(self, scores: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """By softmax; a single score is the second class's, and the first one's is 0."""
        logits = np.concatenate([np.zeros_like(scores), scores], axis=1) if scores.shape[1] == 1 else scores
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)

    def loss(self, hp: "HyperParameters", recipe: Recipe) -> "keras.losses.Loss":
        from suite.training import model

        return model.loss(hp, recipe)

    def targets(self, y: np.ndarray, target: Mapping[str, Any]) -> np.ndarray:
        """One-hot."""
        one_hot = np.zeros((len(y), target["classes"]), np.float32)
        one_hot[np.arange(len(y)), y] = 1
        return one_hot

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        import keras

        # An object, for Keras would create the variables of a metric that is only named within the first step.
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]

    def balance(self, hp: "HyperParameters") -> tuple[float, float]:
        from suite.training import model

        return model.balance(hp)

    def evaluate(self, y: np.ndarray, outputs: np.ndarray, threshold: Threshold | None = None) -> dict[str, float]:
        from suite.training import evaluate

        return evaluate.evaluate(y, outputs, threshold)

    def criterion_of(self, y: np.ndarray, outputs: np.ndarray) -> float:
        from suite.training import calibration

        return calibration.calibrated_log_loss(y, outputs)

    def direction(self, metric: str) -> float:
        from suite.training import evaluate

        return evaluate.direction(metric)

    def check_objective(self, metric: str, classes: int, others: tuple[str, ...] = ()) -> None:
        from suite.training import evaluate

        evaluate.check_objective(metric, classes, others)

    def undefined_metrics(self, y: np.ndarray, labels: Sequence[str], metrics: Mapping[str, float]) -> list[str]:
        from suite.training.evaluate import TWO_CLASSES

        undefined = [name for name in TWO_CLASSES if name not in metrics]
        if len(labels) != 2 or not undefined:
            return []
        return [f"all rows are '{labels[int(y[0])]}': without both classes there is no {', '.join(undefined)}"]

    def settle(
        self, dataset: Dataset, y: np.ndarray, rule: Any, outputs: np.ndarray, give: Callable[[Calibration], np.ndarray]
    ) -> Settled:
        from suite.training import calibration

        temperature = calibration.temperature(y, outputs)
        probabilities = give({TEMPERATURE: temperature})
        threshold, notes = self.threshold(dataset, y, rule, probabilities)
        return Settled({TEMPERATURE: temperature}, threshold, [*calibration.bound_notes(temperature), *notes])

    def threshold(
        self, dataset: Dataset, y: np.ndarray, rule: Any, probabilities: np.ndarray
    ) -> tuple[float | None, list[str]]:
        """The threshold that the rule chooses on the validation rows, and notes on it; None where none is flagged."""
        return None, []

    def calibrate(self, model: "keras.Model", calibration: Calibration) -> None:
        model.get_layer(PROBABILITIES).temperature.assign(calibration[TEMPERATURE])

    def outputs(self, dataset: Dataset) -> list[TensorSpec]:
        return [TensorSpec(PROBABILITIES, "float32", (len(dataset.labels),), PROBABILITIES)]

    def is_truth(self, y: np.ndarray, classes: int) -> bool:
        return y.dtype.kind in "iu" and y.min() >= 0 and y.max() < classes

    def describe(self, labels: Sequence[str]) -> str:
        return f"{len(labels):,} classes"

    def decide(self, predictions: Any) -> np.ndarray:
        return np.asarray(predictions.predicted)

    def right(self, predictions: Any) -> np.ndarray | None:
        return np.asarray(self.decide(predictions) == predictions.y)

    def headline_metrics(self, predictions: Any) -> dict[str, Callable[[Any], Measure]]:
        from suite.report import statistics

        return statistics.headline_metrics(predictions)

    def charts(self, card: Card, predictions: Any) -> Sequence[Any]:
        from suite.report import curves

        return [*curves.ranking(predictions, card.labels), *curves.calibration(predictions, card.labels)]

    def report(self, card: Card, data: Any) -> ReportSections:
        from suite.report import classification

        return classification.sections(card, data)


TASK: Task = Classification()
