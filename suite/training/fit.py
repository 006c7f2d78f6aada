"""Training of a network on prepared data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.domain import Domain
from suite.training import interruption, precision, steps
from suite.training.checkpoint import SAVE_INTERVAL, Checkpoint
from suite.training.data import PreparedData, TrainingChunks
from suite.training.epoch_selection import EpochSelection
from suite.training.model import batch_size, build, complete, recipe_of, rows_of_epoch, with_base_scores


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training besides its hyperparameters; `objective` is a metric of the task.

    An objective that is not the task's own selects the best epoch, instead of the task's criterion; with
    `to_the_end` the last epoch counts.
    """

    epochs: int
    seed: int
    objective: str
    to_the_end: bool = False


@dataclass
class FitResult:
    """A trained network, the epoch that its weights are from, and a history with a value for each epoch by metric.

    `out_of_time` says that it might have become better with more time.
    """

    model: keras.Model
    history: dict[str, list[float]]
    seconds: float
    best_epoch: int
    out_of_time: bool = False


@dataclass(frozen=True)
class CheckpointOptions:
    """The file for the training's state, written every `interval` seconds; with `resume`, go on from it if it exists.

    `identity` names the data and the domain, which must be the same to resume.
    """

    file: Path
    identity: dict[str, Any]
    resume: bool = False
    interval: float = SAVE_INTERVAL


def identify(identity: dict[str, Any], settings: TrainingSettings, hp: HyperParameters) -> dict[str, Any]:
    """All that must be the same for a training to resume; `identity` names its data and domain."""
    return {**identity, **asdict(settings), "hyperparameters": dict(hp.values)}


def set_seeds(seed: int) -> None:
    """Seed everything random: the same seed on the same machine gives the same network."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    domain: Domain,
    hp: HyperParameters,
    prepared: PreparedData,
    settings: TrainingSettings,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: CheckpointOptions | None = None,
    target_epoch: int | None = None,
    max_seconds: float | None = None,
) -> FitResult:
    """Train for up to `epochs`, stop early when validation no longer improves, and keep the best epoch, in float32.

    What is returned computes the scores of base models itself, if it corrects any.

    Where the settings ask for it, train to the end and keep the last epoch. See `run_training` for `target_epoch` and
    `max_seconds`.
    """
    set_seeds(settings.seed)
    model = build(domain, hp, prepared, settings.epochs)
    selection = run_training(
        domain, hp, model, prepared, settings, callbacks=callbacks, checkpoint=checkpoint, target_epoch=target_epoch,
        max_seconds=max_seconds,
    )  # fmt: skip
    model = complete(domain, hp, prepared, model)
    precision.to_float32(model)
    return FitResult(model, selection.history, selection.seconds, selection.best_epoch, selection.out_of_time)


def run_training(
    domain: Domain,
    hp: HyperParameters,
    model: keras.Model,
    prepared: PreparedData,
    settings: TrainingSettings,
    *,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoint: CheckpointOptions | None = None,
    target_epoch: int | None = None,
    max_seconds: float | None = None,
) -> EpochSelection:
    """Train a network that `build` made with these hyperparameters, in at most about `max_seconds`.

    Base models that it corrects are fitted first.

    With `target_epoch`, train only up to that epoch, with the learning rate's schedule over all `settings.epochs`.
    """
    started = perf_counter()
    prepared, thinning = with_base_scores(model, hp, prepared)
    weight, oversample = prepared.task.balance(hp)
    rows, recipe = rows_of_epoch(prepared, hp.values), recipe_of(domain, prepared, hp.values)
    size = batch_size(hp, recipe, rows)
    chunks = TrainingChunks(
        prepared, size, seed=settings.seed, augmentation=domain.augmentation(hp),
        class_weight=weight, oversample=oversample, thinning=None if oversample else thinning,
    )  # fmt: skip
    objective = None if settings.objective == prepared.task.objective else settings.objective
    patience = recipe.patience_for(-(-rows // size))
    selection = EpochSelection(prepared, objective, patience, settings.to_the_end, max_seconds)
    selection.started = started
    saving, done = _checkpointing(checkpoint, hp, model, settings, selection)
    last = settings.epochs if target_epoch is None else min(target_epoch, settings.epochs)
    model.train_function = steps.train_function(model, size)
    with interruption.between_steps() as interrupt:
        model.fit(
            chunks.dataset(),
            initial_epoch=last if selection.finished else done,
            epochs=last,
            shuffle=False,
            callbacks=[chunks, selection, *callbacks, *saving, interrupt],
            verbose=0,
        )
    return selection


def _checkpointing(
    options: CheckpointOptions | None,
    hp: HyperParameters,
    model: keras.Model,
    settings: TrainingSettings,
    selection: EpochSelection,
) -> tuple[list[keras.callbacks.Callback], int]:
    """The callback that saves the state, if it is to be saved, and the number of epochs restored from an old state."""
    if options is None:
        return [], 0
    identity = identify(options.identity, settings, hp)
    callback = Checkpoint(options.file, identity, selection, options.interval)
    done = callback.restore(model) if options.resume and options.file.exists() else 0
    return [callback], done
