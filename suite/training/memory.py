"""Memory of networks that are no longer needed, given back to the system."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import keras

# What TensorFlow calls the gradients of tf.custom_gradient, each in a registry that nobody empties.
CUSTOM_GRADIENT = "CustomGradient-"


@contextmanager
def released() -> Iterator[None]:
    """Give back the memory of all networks and functions made in this block; they must not be used after it.

    Three things would keep it otherwise, and a search grow with every network: gradients that activations such as SiLU
    register when they are traced hold the whole graph; graphs refer to themselves, and Python looks for such cycles
    only once in a while; and the C library keeps freed memory for itself.
    """
    _freeze()
    registered = _registered_gradients()
    before = set(registered)
    try:
        yield
    finally:
        keras.backend.clear_session()
        for name in [name for name in registered if name.startswith(CUSTOM_GRADIENT) and name not in before]:
            del registered[name]
        gc.collect()
        _trim()


@cache
def _freeze() -> None:
    """Leave all that there is now, TensorFlow above all, out of every search for cycles: they are much faster then."""
    gc.collect()
    gc.freeze()


def _registered_gradients() -> dict[str, object]:
    """TensorFlow's registered gradients by name; empty where TensorFlow keeps them elsewhere."""
    from tensorflow.python.framework import ops

    registered: dict[str, object] = getattr(ops.gradient_registry, "_registry", {})
    return registered


def _trim() -> None:
    """Return the C library's free memory to the system, where it can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
