"""NASWOT (Mellor et al. 2021): how differently an untrained network answers different rows."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from suite.training.dead_units import has_activation
from tuning.proxies import Batch, graph


def score(model: keras.Model, batch: Batch) -> float:
    """The logarithm of the determinant of K + 1, where K (N, N) counts the units on which two rows agree.

    A unit of any layer with an activation is on for a row if what enters its activation is above zero. The paper has
    K alone; with one more unit for each row, which no other row shares, the score is defined for rows that agree on
    everything too, and is 0 for a network without activations.
    """
    kernel = np.eye(len(batch.targets))

    def change(operation: Any) -> graph.Call:
        # By the batch's own statistics, as in training: moving ones know nothing yet.
        call = graph.in_mode(operation, training=isinstance(operation, layers.BatchNormalization))
        if not (isinstance(operation, layers.Layer) and has_activation(operation)):
            return call

        def note(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            kernel[...] += agreements(result > _value_at_zero(operation))
            return result

        return note

    with keras.StatelessScope():
        graph.run(model, graph.inputs_of(model, batch), change)
    return float(np.linalg.slogdet(kernel).logabsdet)


def agreements(codes: tf.Tensor) -> np.ndarray:
    """On how many units each two rows agree: bool (N, ...) to (N, N)."""
    signs = 2 * tf.cast(tf.reshape(codes, (codes.shape[0], -1)), tf.float32) - 1
    agree_less_differ = np.asarray(tf.matmul(signs, signs, transpose_b=True), np.float64)
    return np.asarray((signs.shape[1] + agree_less_differ) / 2)


def _value_at_zero(layer: layers.Layer) -> float:
    """An activation's value at zero, above which it is exactly where its input is above zero."""
    function = getattr(layer, "activation", None)
    return 0.0 if function is None else float(function(tf.zeros(())))
