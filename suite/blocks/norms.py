"""Normalisation by name."""

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

NAMES = ["batch", "layer", "group", "none"]
LARGEST_GROUPS = 8


def normalize(hp: HyperParameters, x: keras.KerasTensor, name: str, default: str = "batch") -> keras.KerasTensor:
    """`x` normalised over the batch, its own features or groups of its channels; or as it is, where that is chosen."""
    kind = hp.Choice("normalization", NAMES, default=default)
    if kind == "batch":
        # Keras's momentum of 0.99 lags behind in a training of a few thousand steps.
        return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    if kind == "layer":
        return layers.LayerNormalization(name=f"{name}_norm")(x)
    if kind == "group":
        return layers.GroupNormalization(math.gcd(x.shape[-1], LARGEST_GROUPS), name=f"{name}_norm")(x)
    return x
