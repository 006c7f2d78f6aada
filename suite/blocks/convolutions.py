"""Kinds of convolution: from (N, height, width, channels) to `filters` channels of the same height and width."""

from collections.abc import Callable

import keras
from keras import layers

from suite.blocks import feasibility
from suite.blocks.deformable import DeformableConv2D
from suite.blocks.kernels import Kernel

EXPANSION = 4
DILATION = 2
Convolution = Callable[[keras.KerasTensor, int, Kernel, str], keras.KerasTensor]


def standard(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """The standard convolution: every filter reads every channel."""
    return _convolve(x, filters, kernel, f"{name}_conv")


def dilated(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """Dilated convolution: taps two pixels apart cover as much as a kernel of twice the size (Yu and Koltun 2016)."""
    return _convolve(x, filters, kernel, f"{name}_dilated", DILATION)


def separable(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """Separable convolution: each channel by itself, then across channels, with few weights (Chollet 2017)."""
    return _pointwise(_depthwise(x, kernel, f"{name}_depthwise"), filters, kernel, f"{name}_pointwise")


def inverted(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """The inverted bottleneck of light networks: widen, convolve each channel, narrow (Sandler et al. 2018)."""
    wide = _bounded(_pointwise(x, EXPANSION * x.shape[-1], kernel, f"{name}_widen"), f"{name}_widen")
    deep = _bounded(_depthwise(wide, kernel, f"{name}_depthwise"), f"{name}_depthwise")
    return _pointwise(deep, filters, kernel, f"{name}_narrow")


def multi_scale(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """Kernels of the given size and of every second smaller one, side by side; they share the number of filters
    (Szegedy et al. 2015)."""
    sizes = list(range(kernel.size, 0, -2))[:filters]
    parts = [
        _convolve(x, share, Kernel(size, kernel.initializer, kernel.regularizer), f"{name}_{size}")
        for size, share in zip(sizes, _shares(filters, len(sizes)), strict=True)
    ]
    return layers.Concatenate(name=f"{name}_join")(parts) if len(parts) > 1 else parts[0]


def deformable(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """Deformable convolution: taps at learned offsets (Dai et al. 2017)."""
    return _deform(x, filters, kernel, f"{name}_deformable", modulated=False)


def modulated_deformable(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    """Modulated deformable convolution: taps at learned offsets, with learned weights (Zhu et al. 2019)."""
    return _deform(x, filters, kernel, f"{name}_deformable", modulated=True)


CONVOLUTIONS: dict[str, Convolution] = {
    function.__name__: function
    for function in (standard, dilated, separable, inverted, multi_scale, deformable, modulated_deformable)
}


def _convolve(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str, dilation: int = 1) -> keras.KerasTensor:
    feasibility.check_kernel(x, kernel.size, name, dilation)
    return layers.Conv2D(
        filters, kernel.size, padding="same", dilation_rate=dilation, use_bias=False,
        kernel_initializer=kernel.initializer, kernel_regularizer=kernel.regularizer, name=name,
    )(x)  # fmt: skip


def _pointwise(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str) -> keras.KerasTensor:
    return _convolve(x, filters, Kernel(1, kernel.initializer, kernel.regularizer), name)


def _depthwise(x: keras.KerasTensor, kernel: Kernel, name: str) -> keras.KerasTensor:
    feasibility.check_kernel(x, kernel.size, name)
    return layers.DepthwiseConv2D(
        kernel.size, padding="same", use_bias=False, depthwise_initializer=kernel.initializer,
        depthwise_regularizer=kernel.regularizer, name=name,
    )(x)  # fmt: skip


def _deform(x: keras.KerasTensor, filters: int, kernel: Kernel, name: str, *, modulated: bool) -> keras.KerasTensor:
    feasibility.check_kernel(x, kernel.size, name)
    return DeformableConv2D(
        filters, kernel.size, modulated=modulated, kernel_initializer=kernel.initializer,
        kernel_regularizer=kernel.regularizer, name=name,
    )(x)  # fmt: skip


def _bounded(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    # Keras's momentum of 0.99 is too slow for a training of a few thousand steps.
    return layers.ReLU(6.0, name=f"{name}_relu")(layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x))


def _shares(total: int, parts: int) -> list[int]:
    """`total` as a sum of `parts` nearly equal numbers."""
    return [total // parts + (index < total % parts) for index in range(parts)]
