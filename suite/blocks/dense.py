"""Fully connected trunks."""

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations, kernels


def multilayer(
    hp: HyperParameters, x: keras.KerasTensor, name: str, *, depth: int = 1, units: int = 128, dropout: float = 0.3
) -> keras.KerasTensor:
    """Layers of `units` with an activation and dropout each; the keywords are the defaults."""
    with hp.name_scope(name):
        count = hp.Int("depth", 0, 4, default=depth)
        if not count:
            return x
        penalty = kernels.penalty(hp)
        rate = hp.Float("dropout", 0.0, 0.6, step=0.1, default=dropout)
        width = hp.Choice("units", [16, 32, 64, 128, 256, 512], default=units)
        for index in range(count):
            activation, initializer = activations.choose(hp, label=f"{name}_{index}_activation")
            x = layers.Dense(width, kernel_initializer=initializer, kernel_regularizer=penalty, name=f"{name}_{index}")(
                x
            )
            x = layers.Dropout(rate, name=f"{name}_{index}_dropout")(activation(x))
    return x
