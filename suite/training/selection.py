"""Validate after every epoch, remember the best, stop when it gets no better."""

from time import perf_counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from suite.artifact import PROBABILITIES
from suite.data.dataset import SplitName
from suite.errors import SuiteError
from suite.training import evaluate
from suite.training.data import Prepared

BATCH = 512


class Diverged(SuiteError):
    """A training whose network no longer answers with numbers."""


class Predictor:
    """A network's probabilities for whole splits; calls one traced function, whatever the size of a batch."""

    def __init__(self, model: keras.Model, prepared: Prepared) -> None:
        self._prepared = prepared
        signature = {
            name: tf.TensorSpec((None, *values.shape[1:]), values.dtype) for name, values in prepared.core.items()
        }
        self._run = tf.function(
            lambda inputs: model(inputs, training=False)[PROBABILITIES], input_signature=[signature]
        )

    def __call__(self, split: SplitName) -> np.ndarray:
        """float32 (N, classes)."""
        return np.concatenate([self._run(inputs).numpy() for (inputs,) in self._prepared.batches(split, BATCH)])


class Selection(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds every metric of the validation split to an epoch's logs, as `val_METRIC`, and ends with the best weights.

    Comes before all callbacks that read those logs. Where the optimiser averages weights, it is their average that is
    validated and kept. `objective` is a metric of suite.training.evaluate; training stops once it has not improved for
    `patience` epochs. With `to_the_end` it never stops, and the last epoch counts as the best. `history` holds a value
    an epoch by metric.
    """

    def __init__(self, prepared: Prepared, objective: str, patience: int, to_the_end: bool = False) -> None:
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

    def on_train_begin(self, logs: Any = None) -> None:
        self._predict = Predictor(self.model, self._prepared)

    @property
    def seconds(self) -> float:
        """How long the training has taken; where it was resumed, the time before that included."""
        return perf_counter() - self.started

    @property
    def finished(self) -> bool:
        """Whether enough epochs have passed since the best one; never where there is none but the last."""
        return not self._to_the_end and len(self.history.get("loss", [])) - self.best_epoch >= self._patience

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        averages = self._averages()
        trained = [variable.numpy() for variable, _ in averages]
        for variable, average in averages:
            variable.assign(average)
        assert self._predict is not None
        answers = self._predict("validation")
        if not np.isfinite(answers).all():
            raise Diverged(
                f"the training diverged: after epoch {epoch + 1} the network's answers are no numbers; lower "
                "training.learning_rate, or keep training.clip above 0"
            )
        scores = evaluate.evaluate(self._y, answers)
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

    def _averages(self) -> list[tuple[Any, Any]]:
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return []
        return list(zip(self.model.trainable_variables, optimizer._model_variables_moving_average, strict=True))

    def on_train_end(self, logs: Any = None) -> None:
        if self.best_weights:
            self.model.set_weights(self.best_weights)
