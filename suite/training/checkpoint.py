"""Checkpoints: the state of an unfinished training, to resume from as if it had never been killed."""

import io
import json
from pathlib import Path
from time import monotonic
from typing import Any

import keras
import numpy as np

from suite import artifact
from suite.errors import SuiteError
from suite.training import checkpoint_file
from suite.training.epoch_selection import EpochSelection

SAVE_INTERVAL = 10.0


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the state after an epoch if `interval` seconds have passed since the last time, and after the last epoch.

    The state is all that the rest of the training depends on: weights, random states, the optimiser, the best epoch so
    far. `settings` identify the training. The file is replaced whole or not at all.
    """

    def __init__(
        self, file: Path, settings: dict[str, Any], selection: EpochSelection, interval: float = SAVE_INTERVAL
    ) -> None:
        super().__init__()
        self._file, self._settings, self._selection, self._interval = file, settings, selection, interval
        self._written = monotonic()
        for leftover in file.parent.glob(f".{file.name}-*"):
            leftover.unlink(missing_ok=True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if last or monotonic() - self._written >= self._interval:
            self._write()
            self._written = monotonic()

    def _write(self) -> None:
        selection = self._selection
        state = {
            "settings": self._settings,
            "best_score": selection.best_score,
            "best_epoch": selection.best_epoch,
            "history": selection.history,
            "seconds": selection.seconds,
        }
        groups = {"best": selection.best_weights, **_variables(self.model)}
        arrays: dict[str, Any] = {
            f"{group}_{index}": np.asarray(value) for group in groups for index, value in enumerate(groups[group])
        }
        buffer = io.BytesIO()
        np.savez(buffer, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **arrays)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            artifact.replace_file(self._file, buffer.getbuffer())
        except OSError as error:
            raise SuiteError(
                f"the state of the training could not be written to {self._file} ({error.strerror}): free some space "
                "or choose another folder with --models"
            ) from error

    def restore(self, model: keras.Model) -> int:
        """Restore the network, its optimiser and the selection; return the number of finished epochs.

        SuiteError if the state is damaged or belongs to a training with other settings.
        """
        arrays, state = checkpoint_file.read(self._file)
        checkpoint_file.check_same_settings("training", self._settings, state["settings"])
        model.optimizer.build(model.trainable_variables)
        groups = {"best": model.weights, **_variables(model)}
        wanted = {f"{group}_{index}": value for group in groups for index, value in enumerate(groups[group])}
        for name, value in wanted.items():
            if name not in arrays or arrays[name].shape != tuple(value.shape):
                raise checkpoint_file.damage_error(self._file, f"'{name}' is not in it as it was written")
        for group, variables in _variables(model).items():
            for index, variable in enumerate(variables):
                variable.assign(arrays[f"{group}_{index}"])
        selection = self._selection
        selection.best_score, selection.best_epoch = state["best_score"], state["best_epoch"]
        selection.history = state["history"]
        selection.best_weights = [arrays[f"best_{index}"] for index in range(len(model.weights))]
        selection.started -= state["seconds"]
        return len(selection.history["loss"])


def _variables(model: keras.Model) -> dict[str, list[Any]]:
    return {"model": model.variables, "optimizer": model.optimizer.variables}
