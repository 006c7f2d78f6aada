"""The precision of computation in training; measured and saved networks compute in float32."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf
from keras_tuner import HyperParameters

from suite.errors import unknown

FLOAT32 = "float32"
MIXED = "mixed_bfloat16"
AUTO = "auto"
NAMES = [AUTO, FLOAT32, MIXED]
# The compute capability from which NVIDIA GPUs multiply bfloat16 in hardware (Ampere).
BFLOAT16_CAPABILITY = (8, 0)


def choose(hp: HyperParameters) -> str:
    """The Keras dtype policy for `training.precision`: auto, float32 or mixed_bfloat16.

    Mixed precision (Micikevicius et al. 2018) multiplies in bfloat16 and keeps weights, normalisation, probabilities
    and loss in float32; bfloat16 has float32's range, so the loss needs no scaling. `auto` uses it if every GPU has
    compute capability 8 or more, and float32 elsewhere. A search does not change it. The gain on a CPU depends on the
    CPU; suite/README.md has a measurement.
    """
    with hp.name_scope("training"):
        name = hp.Fixed("precision", AUTO)
    if name not in NAMES:
        raise unknown("training.precision", name, NAMES)
    if name == AUTO:
        return MIXED if hardware_gains() else FLOAT32
    return str(name)


def hardware_gains() -> bool:
    """Whether there are GPUs and all of them multiply bfloat16 in hardware."""
    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    return bool(details) and all(entry.get("compute_capability", (0, 0)) >= BFLOAT16_CAPABILITY for entry in details)


@contextmanager
def applied(policy: str) -> Iterator[None]:
    """Layers created in this block compute by `policy`; Keras's setting is restored afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_float32(model: keras.Model) -> None:
    """Make a network compute in float32; its weights and its optimiser already are float32."""
    for layer in model._flatten_layers():
        if layer.compute_dtype != FLOAT32:
            layer.dtype_policy = FLOAT32
