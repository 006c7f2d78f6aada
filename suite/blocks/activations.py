"""Activations by name, each with the initialiser that preserves the variance of its signal."""

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
    """The activation layer that `activation` chooses, with the name `label`, and the initialiser of weights before it.

    The initialiser is that of He et al. 2015 before rectifiers and similar activations (ELU, Clevert et al. 2016; GELU,
    Hendrycks and Gimpel 2016; SiLU, also called swish, Ramachandran et al. 2017; Mish, Misra 2020), of LeCun et al.
    1998 before SELU (Klambauer et al. 2017), and of Glorot and Bengio 2010 before tanh and sigmoid.
    """
    name = hp.Choice("activation", list(INITIALIZERS), default=default)
    return layers.Activation(name, name=label), INITIALIZERS[name]


def dropout(activation: layers.Layer, rate: float, name: str) -> layers.Layer:
    """Dropout after `activation`; after SELU, dropout that keeps mean and variance (Klambauer et al. 2017)."""
    kind = layers.AlphaDropout if activation.activation is keras.activations.selu else layers.Dropout
    return kind(rate, name=name)
