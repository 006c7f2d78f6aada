"""Trials as TensorBoard shows them, in its HParams."""

from collections.abc import Callable
from pathlib import Path

from suite.training.tracking import run_folder
from tuning.trial import Trial


def hparams(models: Path, name: str) -> Callable[[Trial], None]:
    """A function that writes an ended trial's hyperparameters and scores below MODELS/.tensorboard/NAME."""
    folder = run_folder(models, name, "search-")

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
