"""What happens while a network trains: word of its progress."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import keras

INTERVAL = 0.1


@dataclass(frozen=True)
class Progress:
    """Where a training is: which one (`prefix`), epochs from 1, steps done in this epoch, the last metrics by name.

    `validated` once this epoch is measured, at its very end.
    """

    prefix: str
    epoch: int
    epochs: int
    step: int
    steps: int
    metrics: dict[str, float]
    validated: bool = False


class Report(keras.callbacks.Callback):  # type: ignore[misc]
    """Calls `report` a few times a second, and at the end of each epoch with loss and `objective` on validation."""

    def __init__(self, report: Callable[[Progress], None], objective: str, prefix: str = "") -> None:
        super().__init__()
        self._report, self._prefix = report, prefix
        self._shown = {"loss", "accuracy", "val_loss", f"val_{objective}"}
        self._epoch = 0
        self._next = 0.0
        self._validation: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if monotonic() >= self._next:
            self._next = monotonic() + INTERVAL
            self._send(batch + 1, {**(logs or {}), **self._validation})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._validation = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        self._send(self.params["steps"], logs or {}, validated=True)

    def _send(self, step: int, metrics: dict[str, float], validated: bool = False) -> None:
        values = {name: float(value) for name, value in metrics.items() if name in self._shown}
        total = self.params["epochs"], self.params["steps"]
        self._report(Progress(self._prefix, self._epoch, total[0], step, total[1], values, validated))
