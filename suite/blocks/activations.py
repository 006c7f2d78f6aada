"""Activations by name, each with the initialiser that keeps its signal's variance."""

import keras
from keras_tuner import HyperParameters

INITIALIZERS = {
    "relu": "he_normal",
    "leaky_relu": "he_normal",
    "elu": "he_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "mish": "he_normal",
    "selu": "lecun_normal",
    "tanh": "glorot_uniform",
    "sigmoid": "glorot_uniform",
}


def choose(hp: HyperParameters, default: str = "relu", label: str | None = None) -> tuple[keras.layers.Layer, str]:
    """An activation layer of the name `label` chosen by `activation`, and the initialiser for the weights before it."""
    name = hp.Choice("activation", list(INITIALIZERS), default=default)
    return keras.layers.Activation(name, name=label), INITIALIZERS[name]
