"""The layer against the paper's formulas in slow NumPy: forward, and every gradient by central differences."""

from typing import Any

import numpy as np
import pytest


def bilinear(picture: np.ndarray, row: float, column: float) -> np.ndarray:
    """The picture (height, width, channels) at a place between pixels; zero outside (Dai et al. 2017, formula 3)."""
    height, width, channels = picture.shape
    value = np.zeros(channels)
    for r in range(int(np.floor(row)), int(np.floor(row)) + 2):
        for c in range(int(np.floor(column)), int(np.floor(column)) + 2):
            if 0 <= r < height and 0 <= c < width:
                value += max(0, 1 - abs(row - r)) * max(0, 1 - abs(column - c)) * picture[r, c]
    return value


def deformable(x: np.ndarray, kernel: np.ndarray, down: np.ndarray, across: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Every output is a sum over taps of weight x picture at the moved tap x mask (Zhu et al. 2019, formula 1)."""
    count, height, width, _ = x.shape
    size, before = kernel.shape[0], (kernel.shape[0] - 1) // 2
    result = np.zeros((count, height, width, kernel.shape[-1]))
    for n, i, j in np.ndindex(count, height, width):
        for tap in range(size * size):
            row, column = divmod(tap, size)
            value = bilinear(x[n], i + row - before + down[n, i, j, tap], j + column - before + across[n, i, j, tap])
            result[n, i, j] += mask[n, i, j, tap] * value @ kernel[row, column]
    return result


def layer_and_input(size: int, modulated: bool) -> tuple[Any, np.ndarray]:
    """A layer with random weights, so that taps move by up to about two pixels, and a picture for it."""
    from suite.blocks.deformable import DeformableConv2D

    rng = np.random.default_rng(size)
    layer = DeformableConv2D(2, size, modulated=modulated, use_bias=True)
    layer.build((None, 5, 4, 3))
    for weight in layer.trainable_variables:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return layer, rng.normal(size=(2, 5, 4, 3)).astype(np.float32)


def reference(size: int, x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """The whole layer in float64, from its weights: kernel, bias, and the weights of the offsets."""
    kernel, bias, offset_kernel, offset_bias = weights
    taps, still = size**2, np.zeros((*x.shape[:3], size**2))
    moved = deformable(x, offset_kernel, still, still, still + 1) + offset_bias
    mask = 2 / (1 + np.exp(-moved[..., 2 * taps :])) if moved.shape[-1] > 2 * taps else still + 1
    return deformable(x, kernel, moved[..., :taps], moved[..., taps : 2 * taps], mask) + bias


def values(variables: list[Any]) -> list[np.ndarray]:
    return [np.float64(variable) for variable in variables]


@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_forward_pass_matches_the_formula(size: int, modulated: bool) -> None:
    layer, x = layer_and_input(size, modulated)
    np.testing.assert_allclose(layer(x), reference(size, np.float64(x), values(layer.weights)), atol=1e-4)


@pytest.mark.parametrize("modulated", [False, True])
def test_gradients_of_input_kernel_bias_and_offsets(modulated: bool) -> None:
    import tensorflow as tf

    layer, x = layer_and_input(2, modulated)
    upstream = np.random.default_rng(1).normal(size=(2, 5, 4, 2))
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(variable) * tf.constant(upstream, tf.float32))
    gradients = tape.gradient(loss, [variable, *(weight.value for weight in layer.weights)])
    arrays = values([variable, *layer.weights])
    step, rng = 1e-6, np.random.default_rng(2)
    for array, gradient in zip(arrays, gradients, strict=True):
        for _ in range(6):
            place = tuple(int(rng.integers(size)) for size in array.shape)
            losses = []
            for value in (array[place] + step, array[place] - step):
                before, array[place] = array[place], value
                losses.append((reference(2, arrays[0], arrays[1:]) * upstream).sum())
                array[place] = before
            expected = (losses[0] - losses[1]) / (2 * step)
            assert gradient.numpy()[place] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_it_starts_as_an_ordinary_convolution() -> None:
    from keras import layers

    from suite.blocks.deformable import DeformableConv2D

    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)
    for size in (2, 3, 5):
        ordinary = layers.Conv2D(4, size, padding="same", use_bias=False)
        for modulated in (False, True):
            layer = DeformableConv2D(4, size, modulated=modulated)
            layer(x), ordinary(x)
            ordinary.kernel.assign(layer.kernel)
            np.testing.assert_allclose(layer(x), ordinary(x), atol=1e-4)
