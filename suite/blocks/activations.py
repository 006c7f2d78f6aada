"""Activations by name, each with the initialiser that keeps its signal's variance."""

import keras
from keras import layers
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


def choose(hp: HyperParameters, default: str = "relu", label: str | None = None) -> tuple[layers.Layer, str]:
    """An activation layer of the name `label` chosen by `activation`, and the initialiser for the weights before it.

    Weights start by He et al. 2015 before rectifiers and what is like them (ELU, Clevert et al. 2016; GELU, Hendrycks
    and Gimpel 2016; SiLU, also called swish, Ramachandran et al. 2017; Mish, Misra 2020), by LeCun et al. 1998 before
    SELU (Klambauer et al. 2017), and by Glorot and Bengio 2010 before tanh and sigmoid.
    """
    name = hp.Choice("activation", list(INITIALIZERS), default=default)
    return layers.Activation(name, name=label), INITIALIZERS[name]


def dropout(activation: layers.Layer, rate: float, name: str) -> layers.Layer:
    """Dropout for what `activation` gives; after SELU one that keeps its mean and variance (Klambauer et al. 2017)."""
    kind = layers.AlphaDropout if activation.activation is keras.activations.selu else layers.Dropout
    return kind(rate, name=name)
