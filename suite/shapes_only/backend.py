"""Keras on its NumPy backend, with functions that give zeros of the right shape, and count multiply-adds.

It relies on the names of Keras's backend modules. A test compares what it says of every block with TensorFlow.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from suite import config
from suite.shapes_only import building, stand_ins

RANDOM = ("normal", "truncated_normal", "uniform")
# What the counting would miss, or would see more often than TensorFlow's graph has it.
NOT_COUNTED = (
    "associative_scan", "cond", "conv_transpose", "dot", "fori_loop", "inner", "kron", "map", "outer", "scan", "switch",
    "tensordot", "vdot", "vectorized_map", "while_loop",
)  # fmt: skip


class Count:
    """Multiply-adds since `start`; None after a loop, whose number of rounds TensorFlow would not know."""

    def __init__(self) -> None:
        self.multiply_adds: int | None = 0

    def start(self) -> None:
        """Count from zero."""
        self.multiply_adds = 0

    def add(self, multiply_adds: int) -> None:
        """Count these too."""
        if self.multiply_adds is not None:
            self.multiply_adds += multiply_adds

    def loop(self) -> None:
        """Give up."""
        self.multiply_adds = None


count = Count()


def load() -> None:
    """Import Keras and KerasTuner without TensorFlow, once in a process that has imported neither."""
    # This process is over soon.
    gc.disable()
    # Values mean nothing here.
    np.seterr(all="ignore")
    os.environ["KERAS_BACKEND"] = "numpy"
    stand_ins.install()
    with _hidden("pandas", "sklearn"):
        import keras
        import keras_tuner  # noqa: F401
    config.configure_keras()
    building.quicken()
    backend = keras.src.backend
    _replace(backend.random, dict.fromkeys(RANDOM, _zeros))
    _replace(backend.nn, {"conv": _convolution, "depthwise_conv": _depthwise_convolution})
    _replace(backend.nn, {"max_pool": _pooled, "average_pool": _pooled})
    _replace(backend.nn, {"dot_product_attention": _attention(backend.nn.dot_product_attention)})
    _replace(backend.numpy, {"matmul": _product(backend.numpy.matmul), "einsum": _einsum(backend.numpy.einsum)})
    _replace(backend, {"rnn": _recurrence(backend.rnn)})
    for module in (backend.core, backend.nn, backend.numpy):
        _replace(module, {name: _not_counted(name) for name in NOT_COUNTED if hasattr(module, name)})


def multiply_adds(model: Any) -> int | None:
    """The multiply-adds of convolutions and matrix products for one row; None if the network reads in a loop."""
    import keras

    for layer in model._flatten_layers():
        if not type(layer).__module__.startswith(("keras.", "suite.")):
            # It may compute by other means than Keras's backend.
            stand_ins.call_of_a_stand_in(type(layer).__name__)
    row = keras.tree.map_structure(lambda tensor: np.zeros((1, *tensor.shape[1:]), tensor.dtype), model.input)
    count.start()
    model(row, training=False)
    return count.multiply_adds


@contextmanager
def _hidden(*packages: str) -> Iterator[None]:
    """Packages that Keras imports where they are installed, and that have no part in a description."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


def _replace(module: Any, functions: dict[str, Callable[..., Any]]) -> None:
    for name, function in functions.items():
        getattr(module, name)  # a name that Keras no longer has is an error
        setattr(module, name, function)


def _zeros(shape: Any, *_: Any, dtype: Any = None, **__: Any) -> np.ndarray:
    return np.zeros(shape, dtype or "float32")


def _not_counted(name: str) -> Callable[..., Any]:
    return lambda *_, **__: stand_ins.call_of_a_stand_in(name)


def _convolution(
    x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> np.ndarray:
    return _convolved(x, kernel, kernel.shape[-1], prod(kernel.shape[:-1]), strides, padding, dilation_rate)


def _depthwise_convolution(
    x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> np.ndarray:
    filters = kernel.shape[-2] * kernel.shape[-1]
    return _convolved(x, kernel, filters, prod(kernel.shape[:-2]), strides, padding, dilation_rate)


def _convolved(
    x: Any, kernel: Any, filters: int, taps: int, strides: Any, padding: str, dilation_rate: Any
) -> np.ndarray:
    from keras.src.ops.operation_utils import compute_conv_output_shape

    size = kernel.shape[:-2]
    shape = compute_conv_output_shape(x.shape, filters, size, strides, padding, "channels_last", dilation_rate)
    count.add(prod(shape) * taps)
    return np.zeros(shape, x.dtype)


def _pooled(x: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None) -> np.ndarray:
    from keras.src.ops.operation_utils import compute_pooling_output_shape

    shape = compute_pooling_output_shape(x.shape, pool_size, strides, padding, "channels_last")
    return np.zeros(shape, x.dtype)


def _product(matmul: Callable[..., Any]) -> Callable[..., Any]:
    def counted(x1: Any, x2: Any) -> Any:
        result = matmul(x1, x2)
        count.add(prod(result.shape) * x1.shape[-1])
        return result

    return counted


def _einsum(einsum: Callable[..., Any]) -> Callable[..., Any]:
    def counted(equation: str, *operands: Any, **options: Any) -> Any:
        if "." in equation or len(operands) != 2:
            stand_ins.call_of_a_stand_in("einsum")
        sizes: dict[str, int] = {}
        for axes, operand in zip(equation.replace(" ", "").partition("->")[0].split(","), operands, strict=True):
            sizes |= dict(zip(axes, operand.shape, strict=True))
        count.add(prod(sizes.values()))
        return einsum(equation, *operands, **options)

    return counted


def _attention(attention: Callable[..., Any]) -> Callable[..., Any]:
    def counted(query: Any, key: Any, value: Any, *rest: Any, **options: Any) -> Any:
        result = attention(query, key, value, *rest, **options)
        count.add(prod(query.shape) * key.shape[1] + prod(result.shape) * value.shape[1])
        return result

    return counted


def _recurrence(rnn: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, unroll: bool = False, **options: Any) -> Any:
        if not unroll:
            count.loop()
        return rnn(*arguments, unroll=unroll, **options)

    return counted
