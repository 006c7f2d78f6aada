"""Reports on the progress of a training."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import keras

REPORT_INTERVAL = 0.1


@dataclass(frozen=True)
class TrainingProgress:
    """The state of a training: the training's name (`prefix`), epoch from 1, steps of the epoch, the latest metrics.

    `validated` is set once the epoch's validation metrics are there, at the end of the epoch.
    """

    prefix: str
    epoch: int
    epochs: int
    step: int
    steps: int
    metrics: dict[str, float]
    validated: bool = False


class ProgressReporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Calls `report` a few times a second, and at the end of each epoch with loss and `objective` on validation."""

    def __init__(self, report: Callable[[TrainingProgress], None], objective: str, prefix: str = "") -> None:
        super().__init__()
        self._report, self._prefix = report, prefix
        self._shown = {"loss", "accuracy", "val_loss", f"val_{objective}"}
        self._epoch = 0
        self._next_report = 0.0
        self._validation: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if monotonic() >= self._next_report:
            self._next_report = monotonic() + REPORT_INTERVAL
            self._send(batch + 1, {**(logs or {}), **self._validation})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._validation = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        self._send(self.params["steps"], logs or {}, validated=True)

    def _send(self, step: int, metrics: dict[str, float], validated: bool = False) -> None:
        shown = {name: float(value) for name, value in metrics.items() if name in self._shown}
        epochs, steps = self.params["epochs"], self.params["steps"]
        self._report(TrainingProgress(self._prefix, self._epoch, epochs, step, steps, shown, validated))
