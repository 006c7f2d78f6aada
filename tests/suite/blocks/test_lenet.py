"""The classic ConvNet against the textbook's formulas in NumPy."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters

SHAPES = {
    "lenet_conv_1": (28, 28, 6),
    "lenet_pool_1": (14, 14, 6),
    "lenet_conv_2": (10, 10, 16),
    "lenet_pool_2": (5, 5, 16),
    "lenet_flatten": (400,),
    "lenet_dense_1": (120,),
    "lenet_dense_2": (84,),
    "probabilities": (10,),
}


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """z[i, j, f] = b[f] + sum over u, v, c of x[i + u, j + v, c] w[u, v, c, f]."""
    size = kernel.shape[0]
    height, width = x.shape[0] - size + 1, x.shape[1] - size + 1
    z = np.empty((height, width, kernel.shape[-1]))
    for i, j in np.ndindex(height, width):
        z[i, j] = np.tensordot(x[i : i + size, j : j + size], kernel, 3) + bias
    return z


def convolution_gradients(
    x: np.ndarray, kernel: np.ndarray, delta: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From dL/dz: dL/dx (every z spread back over its window), dL/dw (windows times delta) and dL/db (delta's sum)."""
    size = kernel.shape[0]
    dx, dw = np.zeros_like(x), np.zeros_like(kernel)
    for i, j in np.ndindex(delta.shape[:2]):
        window = (slice(i, i + size), slice(j, j + size))
        dx[window] += kernel @ delta[i, j]
        dw += x[window][..., None] * delta[i, j]
    return dx, dw, delta.sum(axis=(0, 1))


@pytest.fixture(scope="module")
def lenet() -> Any:
    from suite.blocks import heads
    from suite.domains.image_cls import model

    hp = HyperParameters()
    hp.values["network"] = "lenet"
    return model.build(hp, {"height": 28, "width": 28, "channels": 1}, partial(heads.classification, classes=10))


def test_its_layers_are_the_classic_ones(lenet: Any) -> None:
    assert {name: lenet.get_layer(name).output.shape[1:] for name in SHAPES} == SHAPES
    assert lenet.get_layer("lenet_conv_1").input.shape[1:] == (32, 32, 1)
    assert sum(np.prod(weights.shape) for weights in lenet.trainable_weights) == 61_706


@pytest.mark.parametrize("number", [1, 2])
def test_convolution_forward_and_gradients(lenet: Any, number: int) -> None:
    import tensorflow as tf

    layer = lenet.get_layer(f"lenet_conv_{number}")
    rng = np.random.default_rng(number)
    x = rng.normal(size=layer.input.shape[1:])
    delta = rng.normal(size=layer.output.shape[1:])
    tensor = tf.Variable(x[None], dtype=tf.float32)
    layer.bias.assign(rng.normal(size=layer.bias.shape))
    with tf.GradientTape() as tape:
        z = layer(tensor)
        loss = tf.reduce_sum(z * tf.constant(delta, tf.float32))
    kernel, bias = (np.float64(weight) for weight in (layer.kernel, layer.bias))
    np.testing.assert_allclose(z[0], convolve(x, kernel, bias), atol=1e-4)
    gradients = tape.gradient(loss, [tensor, layer.kernel.value, layer.bias.value])
    for ours, expected in zip(gradients, convolution_gradients(x, kernel, delta), strict=True):
        np.testing.assert_allclose(np.reshape(ours, expected.shape), expected, atol=2e-3)


def test_backpropagation_through_a_dense_layer(lenet: Any) -> None:
    """With a = relu(x W + b): delta = dL/da where z > 0; dL/dW = x^T delta, dL/db = sum of delta, dL/dx = delta W^T."""
    import tensorflow as tf

    layer = lenet.get_layer("lenet_dense_2")
    activation = layer.output._keras_history.operation
    relu = next(node.operation for node in activation._outbound_nodes)
    assert relu.activation.__name__ == "relu"
    rng = np.random.default_rng(0)
    x, upstream = rng.normal(size=(3, 120)), rng.normal(size=(3, 84))
    tensor = tf.Variable(x, dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(relu(layer(tensor)) * tf.constant(upstream, tf.float32))
    kernel, bias = (np.float64(weight) for weight in (layer.kernel, layer.bias))
    delta = upstream * (x @ kernel + bias > 0)
    gradients = tape.gradient(loss, [tensor, layer.kernel.value, layer.bias.value])
    for ours, expected in zip(gradients, (delta @ kernel.T, x.T @ delta, delta.sum(axis=0)), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(8, 8, 3), (31, 40, 1), (64, 48, 3)])
def test_pictures_of_any_size_become_32_by_32(shape: tuple[int, int, int]) -> None:
    from suite.blocks import heads
    from suite.domains.image_cls import model

    hp = HyperParameters()
    hp.values["network"] = "lenet"
    height, width, channels = shape
    preprocessing = {"height": height, "width": width, "channels": channels}
    built = model.build(hp, preprocessing, partial(heads.classification, classes=3))
    assert built.get_layer("lenet_conv_1").input.shape[1:] == (32, 32, channels)
