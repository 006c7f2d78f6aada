"""Trials in the HParams view of TensorBoard."""

from collections.abc import Callable
from pathlib import Path

from suite.search_record import Trial
from suite.training.tracking import run_folder


def hparams_writer(models: Path, name: str) -> Callable[[Trial], None]:
    """A function that writes a finished trial's hyperparameters and scores below MODELS/.tensorboard/NAME."""
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
