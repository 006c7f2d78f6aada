"""Train a network on a prepared data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import keras
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.domain import Domain
from suite.training.data import Prepared, TrainingBatches
from suite.training.model import balance, batch_size, build
from suite.training.selection import Selection


@dataclass
class Fitted:
    """A trained network at its best epoch, and how it came about; `history` holds a value an epoch by metric."""

    model: keras.Model
    history: dict[str, list[float]]
    seconds: float
    best_epoch: int


def seed_everything(seed: int) -> None:
    """The same seed on the same machine gives the same network."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    domain: Domain,
    hp: HyperParameters,
    prepared: Prepared,
    *,
    epochs: int,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fitted:
    """Train for up to `epochs`, stop when validation no longer improves, and return to the best epoch."""
    seed_everything(seed)
    model = build(domain, hp, prepared, epochs)
    started = perf_counter()
    history, best_epoch = run(domain, hp, model, prepared, epochs=epochs, seed=seed, callbacks=callbacks)
    return Fitted(model, history.history, perf_counter() - started, best_epoch)


def run(
    domain: Domain,
    hp: HyperParameters,
    model: keras.Model,
    prepared: Prepared,
    *,
    epochs: int,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
    **keywords: Any,
) -> tuple[keras.callbacks.History, int]:
    """Train a network that `build` made with these hyperparameters; return Keras's history and the best epoch."""
    weight, oversample = balance(hp)
    batches = TrainingBatches(
        prepared, batch_size(domain, hp), seed=seed, augmentation=domain.augmentation(hp), class_weight=weight,
        oversample=oversample,
    )  # fmt: skip
    selection = Selection(prepared, domain.objective, domain.recipe.patience)
    history = model.fit(
        batches.dataset(),
        epochs=epochs,
        shuffle=False,
        callbacks=[batches, selection, *callbacks],
        verbose=0,
        **keywords,
    )
    return history, selection.best_epoch
