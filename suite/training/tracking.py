"""Experiment tracking: TensorBoard always, MLflow on request."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras

from suite.errors import SuiteError, UsageError

TENSORBOARD = ".tensorboard"


def tensorboard(models: Path, name: str) -> keras.callbacks.Callback:
    """A callback that writes the metrics of each epoch below MODELS/.tensorboard/NAME, in a folder for each run."""
    return keras.callbacks.TensorBoard(run_folder(models, name), write_graph=False)


def run_folder(models: Path, name: str, kind: str = "") -> Path:
    """A new folder for TensorBoard's files of one run of NAME.

    SuiteError if it cannot be created, so that no training is lost later.
    """
    run = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    folder = models / TENSORBOARD / name / f"{kind}{run}-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise SuiteError(f"cannot write to {models} ({error.strerror}): choose another folder with --models") from error
    return folder


def import_mlflow() -> Any:
    """The package; UsageError if it is not installed."""
    # MLflow reports imports and runs to its maker otherwise.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        import mlflow
    except ImportError:
        raise UsageError("--mlflow needs a package that is not installed: pip install 'neural-suite[mlflow]'") from None
    return mlflow


class MLflow(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes parameters and the metrics of each epoch to the MLflow server or folder at `$MLFLOW_TRACKING_URI`.

    Without that variable it uses the folder ./mlruns.
    """

    def __init__(self, experiment: str, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self._mlflow = import_mlflow()
        self._experiment, self._parameters = experiment, dict(parameters)
        if "MLFLOW_TRACKING_URI" not in os.environ:
            # MLflow recommends a database and refuses a folder without this.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            self._mlflow.set_tracking_uri(Path("mlruns").resolve().as_uri())

    def on_train_begin(self, logs: Any = None) -> None:
        try:
            self._mlflow.set_experiment(self._experiment)
            self._mlflow.start_run()
            self._mlflow.log_params(self._parameters)
        except Exception as error:  # the server and the network may raise anything
            place = self._mlflow.get_tracking_uri()
            raise SuiteError(f"MLflow at {place} refused the run ({error}): check $MLFLOW_TRACKING_URI") from error

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._mlflow.log_metrics({name: float(value) for name, value in (logs or {}).items()}, step=epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        self._mlflow.end_run()
