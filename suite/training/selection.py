"""Validate after every epoch, remember the best, stop when it gets no better."""

from typing import Any

import keras
import numpy as np

from suite.training import evaluate
from suite.training.data import Prepared

BATCH = 512
LOWER_IS_BETTER = frozenset({"log_loss", "ece", "brier"})


def probabilities(model: keras.Model, prepared: Prepared, split: Any) -> np.ndarray:
    """The network's probabilities (N, classes) for a split."""
    answer = model.predict(prepared.batches(split, BATCH), verbose=0)
    return np.asarray(answer["probabilities"])


class Selection(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds every metric of the validation split to an epoch's logs, as `val_METRIC`, and ends with the best weights.

    Comes before all callbacks that read those logs. Where the optimiser averages weights, it is their average that is
    validated and kept. `objective` is a metric of suite.training.evaluate; training stops once it has not improved for
    `patience` epochs.
    """

    def __init__(self, prepared: Prepared, objective: str, patience: int) -> None:
        super().__init__()
        self._prepared, self._objective, self._patience = prepared, objective, patience
        self._sign = -1.0 if objective in LOWER_IS_BETTER else 1.0
        self._y = prepared.y[prepared.rows["validation"]]
        self._best_score = -np.inf
        self._best_weights: list[np.ndarray] = []
        self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        trained = [variable.numpy() for variable in self.model.trainable_variables]
        averages = self._averages()
        for variable, average in averages:
            variable.assign(average)
        scores = evaluate.evaluate(self._y, probabilities(self.model, self._prepared, "validation"))
        if logs is not None:
            logs |= {f"val_{name}": value for name, value in scores.items()} | {"val_loss": scores["log_loss"]}
        score = self._sign * scores[self._objective]
        if score > self._best_score:
            self._best_score, self.best_epoch = score, epoch + 1
            self._best_weights = self.model.get_weights()
        if averages:
            for variable, value in zip(self.model.trainable_variables, trained, strict=True):
                variable.assign(value)
        if epoch + 1 - self.best_epoch >= self._patience:
            self.model.stop_training = True

    def _averages(self) -> list[tuple[Any, Any]]:
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return []
        return list(zip(self.model.trainable_variables, optimizer._model_variables_moving_average, strict=True))

    def on_train_end(self, logs: Any = None) -> None:
        if self._best_weights:
            self.model.set_weights(self._best_weights)
