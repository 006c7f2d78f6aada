"""Train a network on a prepared data set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.domain import Domain
from suite.training import checkpoint, interruption, precision, steps
from suite.training.checkpoint import Checkpoint
from suite.training.data import Prepared, TrainingRows
from suite.training.model import balance, batch_size, build
from suite.training.selection import Selection


@dataclass(frozen=True)
class Settings:
    """What a training goes by beside hyperparameters; `objective` is a metric of suite.training.evaluate.

    With `to_the_end` no epoch is chosen by it: the last one counts.
    """

    epochs: int
    seed: int
    objective: str
    to_the_end: bool = False


@dataclass
class Fitted:
    """A trained network, the epoch it is of, and how it came about; `history` holds a value an epoch by metric."""

    model: keras.Model
    history: dict[str, list[float]]
    seconds: float
    best_epoch: int


@dataclass(frozen=True)
class Resumable:
    """Where to keep the state of the training, how many seconds apart, and whether to go on from what is there, if any.

    `identity` is what must be the same to go on: the data, the domain.
    """

    file: Path
    identity: dict[str, Any]
    resume: bool = False
    interval: float = checkpoint.INTERVAL


def seed_everything(seed: int) -> None:
    """The same seed on the same machine gives the same network."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    domain: Domain,
    hp: HyperParameters,
    prepared: Prepared,
    settings: Settings,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    resumable: Resumable | None = None,
    until: int | None = None,
) -> Fitted:
    """Train for up to `epochs`, stop when validation no longer improves, and return to the best epoch, in float32.

    Or train to the end and stay there, where the domain's recipe or the settings say so. See `run` for `until`.
    """
    seed_everything(settings.seed)
    model = build(domain, hp, prepared, settings.epochs)
    selection = run(domain, hp, model, prepared, settings, callbacks=callbacks, resumable=resumable, until=until)
    precision.to_float32(model)
    return Fitted(model, selection.history, selection.seconds, selection.best_epoch)


def run(
    domain: Domain,
    hp: HyperParameters,
    model: keras.Model,
    prepared: Prepared,
    settings: Settings,
    *,
    callbacks: Sequence[keras.callbacks.Callback],
    resumable: Resumable | None = None,
    until: int | None = None,
) -> Selection:
    """Train a network that `build` made with these hyperparameters.

    With `until` only up to that epoch, the learning rate coming down as over all of `settings.epochs`.
    """
    weight, oversample = balance(hp)
    size = batch_size(hp, domain.recipe)
    rows = TrainingRows(
        prepared, size, seed=settings.seed, augmentation=domain.augmentation(hp),
        class_weight=weight, oversample=oversample,
    )  # fmt: skip
    # Who names another objective wants the epoch that is best at it.
    to_the_end = settings.to_the_end or (domain.recipe.to_the_end and settings.objective == domain.objective)
    selection = Selection(prepared, settings.objective, domain.recipe.patience, to_the_end)
    kept: list[keras.callbacks.Callback] = []
    done = 0
    if resumable:
        identity = {**resumable.identity, **asdict(settings), "hyperparameters": dict(hp.values)}
        kept = [Checkpoint(resumable.file, identity, selection, resumable.interval)]
        if resumable.resume and resumable.file.exists():
            done = kept[0].restore(model)
    last = settings.epochs if until is None else min(until, settings.epochs)
    model.train_function = steps.train_function(model, size)
    with interruption.between_steps() as stop:
        model.fit(
            rows.dataset(),
            initial_epoch=last if selection.finished else done,
            epochs=last,
            shuffle=False,
            callbacks=[rows, selection, *callbacks, *kept, stop],
            verbose=0,
        )
    return selection
