"""ZiCo (Li et al. 2023): how steady the gradients of an untrained network are."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from suite.blocks.stochastic_depth import StochasticDepth
from tuning.proxies import Batch, graph

PARTS = 4
NOISE = (
    layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.AlphaDropout, layers.GaussianNoise,
    StochasticDepth,
)  # fmt: skip


def score(model: keras.Model, batch: Batch) -> float:
    """The sum over kernels of the logarithm of the sum over their weights of mean |g| / deviation of g.

    The gradients g are those of the loss on each of PARTS parts of the batch, in training but without dropout. A
    weight whose gradient does not change counts nothing, as in the authors' program.
    """
    weights = [(variable, value) for variable, value in graph.first_weights(model) if len(variable.shape) > 1]
    inputs = graph.inputs_of(model, batch)
    found = []
    for rows in np.array_split(np.arange(len(batch.targets)), PARTS):
        part = {name: values[rows] for name, values in inputs.items()}
        found.append(_gradients(model, weights, part, batch.targets[rows]))
    kernels = [np.stack(of_parts) for of_parts in zip(*found, strict=True)]
    steadiness = [_steadiness(gradients) for gradients in kernels]
    logarithms = [math.log(one) for one in steadiness if one > 0]
    return sum(logarithms) if logarithms else -math.inf


def _gradients(
    model: keras.Model, weights: list[tuple[keras.Variable, tf.Tensor]], inputs: dict[str, Any], targets: np.ndarray
) -> list[np.ndarray]:
    """The gradient of the loss on some rows for each of the weights."""
    values = [value for _, value in weights]
    loss = keras.losses.get(model.loss)
    with keras.StatelessScope(weights), tf.GradientTape() as tape:
        tape.watch(values)
        (outputs,) = graph.run(model, inputs, lambda one: graph.in_mode(one, not isinstance(one, NOISE)))
        mean = tf.reduce_mean(loss(targets, outputs))
    found = tape.gradient(mean, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [np.asarray(tf.convert_to_tensor(gradient)) for gradient in found]


def _steadiness(gradients: np.ndarray) -> float:
    """The sum of mean |g| / deviation over the weights of a kernel, of gradients (parts, ...)."""
    deviation = gradients.std(axis=0)
    mean = np.abs(gradients).mean(axis=0)
    return float(np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0).sum(dtype=np.float64))
