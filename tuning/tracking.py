"""Trials as TensorBoard shows them, in its HParams."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from suite.training.tracking import FOLDER
from tuning.trial import Trial


def hparams(models: Path, name: str) -> Callable[[Trial], None]:
    """A function that writes an ended trial's hyperparameters and scores below MODELS/.tensorboard/NAME."""
    run = datetime.now(UTC).strftime("search-%Y%m%dT%H%M%S")
    folder = models / FOLDER / name / f"{run}-{os.getpid()}"

    def write(trial: Trial) -> None:
        import tensorflow as tf
        from tensorboard.plugins.hparams import api

        if trial.score is None:
            return
        writer = tf.summary.create_file_writer(str(folder / f"trial-{trial.id}"))
        with writer.as_default(step=trial.epochs):
            api.hparams(trial.hyperparameters, trial_id=str(trial.id))
            for objective, value in trial.scores.items():
                tf.summary.scalar(objective, value)
        writer.close()

    return write
