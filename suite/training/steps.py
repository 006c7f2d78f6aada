"""Several training steps in one call from Python."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def train_function(model: keras.Model, size: int) -> Callable[[Any], dict[str, tf.Tensor]]:
    """A function for `model.train_function`, which Keras otherwise makes itself: a step for every `size` rows.

    Keras calls it with an iterator over chunks of (inputs, targets, weights); see `TrainingChunks`.
    """

    def train(iterator: Any) -> dict[str, tf.Tensor]:
        inputs, targets, weights = iterator.get_next()

        def step(start: Any) -> dict[str, tf.Tensor]:
            batch = slice(start, start + size)
            named = {name: values[batch] for name, values in inputs.items()}
            return model.train_step((named, targets[batch], weights[batch]))  # type: ignore[no-any-return]

        logs = step(0)
        for start in tf.range(size, tf.shape(targets)[0], size):
            logs = step(start)
        return logs

    return tf.function(train, reduce_retracing=True)  # type: ignore[no-any-return]
