"""Several training steps in one call from Python."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def train_function(
    model: keras.Model, size: int, before: Callable[[], None] = lambda: None
) -> Callable[[Any], dict[str, tf.Tensor]]:
    """A function for `model.train_function`, which Keras otherwise makes itself: a step for every `size` rows.

    Keras calls it with an iterator over chunks of (inputs, targets, weights); see `TrainingChunks`. The step is traced
    once, for batches of any size, and without AutoGraph: tracing takes longer than training on a small data set.
    `before` is traced before each step.
    """
    if not model.optimizer.built:
        # Variables that a first call creates would make TensorFlow trace it a second time.
        model.optimizer.build(model.trainable_variables)

    def train(iterator: Any) -> dict[str, tf.Tensor]:
        inputs, targets, weights = iterator.get_next()
        rows = tf.shape(targets)[0]

        def step(start: tf.Tensor) -> tuple[tf.Tensor]:
            before()
            batch = slice(start, start + size)
            named = {name: values[batch] for name, values in inputs.items()}
            model.train_step((named, targets[batch], weights[batch]))
            return (start + size,)

        tf.while_loop(lambda start: start < rows, step, [tf.constant(0)], parallel_iterations=1)
        return model.get_metrics_result()  # type: ignore[no-any-return]

    return tf.function(train, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]
