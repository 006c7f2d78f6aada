"""Train a network on a prepared data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.domain import Domain
from suite.training.data import Prepared
from suite.training.model import build

PATIENCE = 6
EVALUATION_BATCH = 512


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
    monitor = f"val_{domain.objective}"
    stop = keras.callbacks.EarlyStopping(monitor, mode="max", patience=PATIENCE, restore_best_weights=True)
    started = perf_counter()
    history = model.fit(
        prepared.batches("train", domain.batch_size, seed=seed),
        validation_data=prepared.batches("validation", EVALUATION_BATCH),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[stop, *callbacks],
    )
    scores = history.history[monitor]
    return Fitted(model, history.history, perf_counter() - started, int(np.argmax(scores)) + 1)


def probabilities(model: keras.Model, prepared: Prepared, split: str) -> np.ndarray:
    """The network's probabilities (N, classes) for a split."""
    answer = model.predict(prepared.batches(split, EVALUATION_BATCH), verbose=0)  # type: ignore[arg-type]
    return np.asarray(answer["probabilities"])
