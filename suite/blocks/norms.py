"""Normalisation by name."""

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

NAMES = ["batch", "layer", "group", "none"]
MAX_GROUPS = 8


def normalize(hp: HyperParameters, x: keras.KerasTensor, name: str, default: str = "batch") -> keras.KerasTensor:
    """`x` normalised over the batch, its features or groups of its channels; or unchanged, by `normalization`."""
    kind = hp.Choice("normalization", NAMES, default=default)
    if kind == "batch":
        # Keras's momentum of 0.99 is too slow for a training of a few thousand steps.
        return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    if kind == "layer":
        return layers.LayerNormalization(name=f"{name}_norm")(x)
    if kind == "group":
        return layers.GroupNormalization(math.gcd(x.shape[-1], MAX_GROUPS), name=f"{name}_norm")(x)
    return x
