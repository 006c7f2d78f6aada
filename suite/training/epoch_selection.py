"""Validation after every epoch, selection of the best epoch, and early stopping."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import keras
import numpy as np

from suite.errors import SuiteError
from suite.training.data import PreparedData
from suite.training.predictor import Predictor

# A gain of less than this share is none to wait for.
MIN_GAIN = 0.001


class TrainingDiverged(SuiteError):
    """The network's answers are no longer finite numbers."""


class EpochSelection(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds the metrics of the validation split to each epoch's logs, as `val_METRIC`; restores the best weights.

    It comes before all callbacks that read those logs. Where the optimiser averages weights, the averages are what it
    validates and keeps. `objective` is a metric of the task that selects the best epoch; None selects by the task's
    criterion. Training stops once that has hardly improved for `patience` epochs, or where another
    epoch would take it beyond `max_seconds`. With `to_the_end` nothing is validated and the last epoch is the best.
    `history` holds a value for each epoch, by metric.
    """

    def __init__(
        self,
        prepared: PreparedData,
        objective: str | None,
        patience: int,
        to_the_end: bool = False,
        max_seconds: float | None = None,
    ) -> None:
        super().__init__()
        self._prepared, self._objective, self._patience = prepared, objective, patience
        self._task = prepared.task
        self._selector = objective or self._task.criterion
        self._to_the_end, self._max_seconds = to_the_end, max_seconds
        self._y = prepared.y[prepared.rows["validation"]]
        self.started = perf_counter()
        self.best_score = -np.inf
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] = []
        self.history: dict[str, list[float]] = {}
        self.out_of_time = False
        self._predict: Predictor | None = None
        self._epoch_started = self.started

    @property
    def seconds(self) -> float:
        """How long the training has taken, including the time before it was resumed."""
        return perf_counter() - self.started

    @property
    def finished(self) -> bool:
        """Whether `patience` epochs have passed since the last that improved; never so with `to_the_end`."""
        return not self._to_the_end and epochs_without_gain(self._validation_scores()) >= self._patience

    def best_epoch_until(self, epoch: int) -> int:
        """The best of the epochs up to this one."""
        if self.best_epoch <= epoch:
            return self.best_epoch
        if self._to_the_end:
            return epoch
        return int(np.argmax(self._validation_scores()[:epoch])) + 1

    def _validation_scores(self) -> list[float]:
        """What selects the epoch, for each epoch so far; higher is better."""
        return [self._better_if_higher(value) for value in self.history.get(f"val_{self._selector}", [])]

    def on_train_begin(self, logs: Any = None) -> None:
        self._predict = Predictor(self.model, self._prepared)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch_started = perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        if not self._to_the_end or epoch + 1 == self.params["epochs"]:
            self._select(epoch, logs)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        epoch_seconds = perf_counter() - self._epoch_started
        self.out_of_time = self._max_seconds is not None and self.seconds + epoch_seconds > self._max_seconds
        if self.finished or self.out_of_time:
            self.model.stop_training = True

    def _select(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep this epoch's weights if they are the best so far."""
        averages = self._averaged_variables()
        trained = [variable.numpy() for variable, _ in averages]
        for variable, average in averages:
            variable.assign(average)
        score = np.inf
        outputs = self._answers(epoch)
        if not self._to_the_end:
            scores = self._scores(outputs)
            logs |= {f"val_{name}": value for name, value in scores.items()}
            if self._task.loss_metric:
                logs["val_loss"] = scores[self._task.loss_metric]
            undefined = self._task.undefined_metrics(self._y, self._prepared.labels, scores)
            if self._selector not in scores and undefined:
                raise SuiteError(f"in validation, {undefined[0]}; choose another --objective")
            score = self._better_if_higher(scores[self._selector])
        if score > self.best_score:
            self.best_score, self.best_epoch, self.best_weights = score, epoch + 1, self.model.get_weights()
        for (variable, _), value in zip(averages, trained, strict=True):
            variable.assign(value)

    def on_train_end(self, logs: Any = None) -> None:
        if self.best_weights:
            self.model.set_weights(self.best_weights)

    def _answers(self, epoch: int) -> np.ndarray:
        assert self._predict is not None
        outputs = self._predict("validation")
        if not np.isfinite(outputs).all():
            raise TrainingDiverged(
                f"the training diverged: after epoch {epoch + 1} the network's answers are no numbers; lower "
                "training.learning_rate, or keep training.clip above 0"
            )
        return outputs

    def _scores(self, outputs: np.ndarray) -> dict[str, float]:
        scores = self._task.evaluate(self._y, outputs)
        if self._task.criterion not in scores:
            scores[self._task.criterion] = self._task.criterion_of(self._y, outputs)
        return scores

    def _better_if_higher(self, value: float) -> float:
        """A value of the metric that selects the epoch, turned so that higher is better."""
        return value * (-1.0 if self._objective is None else self._task.direction(self._objective))

    def _averaged_variables(self) -> list[tuple[Any, Any]]:
        """Each trainable variable with its moving average; empty if the optimiser keeps none."""
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return []
        return list(zip(self.model.trainable_variables, optimizer._model_variables_moving_average, strict=True))


def epochs_without_gain(scores: Sequence[float]) -> int:
    """How many epochs have passed since the last that was better than all before it by more than 0.1%."""
    best, last = -np.inf, 0
    for epoch, score in enumerate(scores, 1):
        if epoch == 1 or score > best + MIN_GAIN * abs(best):
            best, last = score, epoch
    return len(scores) - last
