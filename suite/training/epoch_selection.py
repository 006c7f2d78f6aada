"""Validation after every epoch, selection of the best epoch, and early stopping."""

from time import perf_counter
from typing import Any

import keras
import numpy as np

from suite.errors import SuiteError
from suite.training import evaluate
from suite.training.data import PreparedData
from suite.training.predictor import Predictor


class TrainingDiverged(SuiteError):
    """The network's answers are no longer finite numbers."""


class EpochSelection(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds the metrics of the validation split to each epoch's logs, as `val_METRIC`; restores the best weights.

    It comes before all callbacks that read those logs. Where the optimiser averages weights, the averages are what it
    validates and keeps. `objective` is a metric of suite.training.evaluate; training stops once it has not improved
    for `patience` epochs. With `to_the_end` training never stops early, and the last epoch counts as the best.
    `history` holds a value for each epoch, by metric.
    """

    def __init__(self, prepared: PreparedData, objective: str, patience: int, to_the_end: bool = False) -> None:
        super().__init__()
        self._prepared, self._objective, self._patience = prepared, objective, patience
        self._to_the_end = to_the_end
        self._y = prepared.y[prepared.rows["validation"]]
        self.started = perf_counter()
        self.best_score = -np.inf
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] = []
        self.history: dict[str, list[float]] = {}
        self._predict: Predictor | None = None

    @property
    def seconds(self) -> float:
        """How long the training has taken, including the time before it was resumed."""
        return perf_counter() - self.started

    @property
    def finished(self) -> bool:
        """Whether `patience` epochs have passed since the best one; never so with `to_the_end`."""
        return not self._to_the_end and len(self.history.get("loss", [])) - self.best_epoch >= self._patience

    def best_epoch_until(self, epoch: int) -> int:
        """The best of the epochs up to this one."""
        if self.best_epoch <= epoch:
            return self.best_epoch
        if self._to_the_end:
            return epoch
        scores = evaluate.direction(self._objective) * np.array(self.history[f"val_{self._objective}"][:epoch])
        return int(np.argmax(scores)) + 1

    def on_train_begin(self, logs: Any = None) -> None:
        self._predict = Predictor(self.model, self._prepared)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        averages = self._averaged_variables()
        trained = [variable.numpy() for variable, _ in averages]
        for variable, average in averages:
            variable.assign(average)
        scores = self._validate(epoch)
        logs |= {f"val_{name}": value for name, value in scores.items()} | {"val_loss": scores["log_loss"]}
        score = evaluate.direction(self._objective) * scores[self._objective]
        if self._to_the_end or score > self.best_score:
            self.best_score, self.best_epoch, self.best_weights = score, epoch + 1, self.model.get_weights()
        for (variable, _), value in zip(averages, trained, strict=True):
            variable.assign(value)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        if self.finished:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.best_weights:
            self.model.set_weights(self.best_weights)

    def _validate(self, epoch: int) -> dict[str, float]:
        assert self._predict is not None
        probabilities = self._predict("validation")
        if not np.isfinite(probabilities).all():
            raise TrainingDiverged(
                f"the training diverged: after epoch {epoch + 1} the network's answers are no numbers; lower "
                "training.learning_rate, or keep training.clip above 0"
            )
        return evaluate.evaluate(self._y, probabilities)

    def _averaged_variables(self) -> list[tuple[Any, Any]]:
        """Each trainable variable with its moving average; empty if the optimiser keeps none."""
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return []
        return list(zip(self.model.trainable_variables, optimizer._model_variables_moving_average, strict=True))
