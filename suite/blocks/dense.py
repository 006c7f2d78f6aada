"""Fully connected layers."""

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations, kernels, norms
from suite.blocks.choice import repeat


def multilayer(
    hp: HyperParameters, x: keras.KerasTensor, name: str, *, depth: int = 1, units: int = 128, dropout: float = 0.3
) -> keras.KerasTensor:
    """Fully connected layers of `units`, each with normalisation, an activation and dropout: (N, F) to (N, units).

    The keyword arguments are the hyperparameters' defaults. With a depth of 0 it returns its input.
    """
    with hp.name_scope(name):
        if not hp.Int("depth", 0, 4, default=depth):
            return x
        penalty = kernels.penalty(hp)
        rate = hp.Float("dropout", 0.0, 0.6, step=0.1, default=dropout)
        width = hp.Choice("units", [16, 32, 64, 128, 256, 512], default=units)

        def layer(x: keras.KerasTensor, index: int) -> keras.KerasTensor:
            label = f"{name}_{index}"
            activation, initializer = activations.choose(hp, label=f"{label}_activation")
            x = layers.Dense(width, kernel_initializer=initializer, kernel_regularizer=penalty, name=label)(x)
            x = activation(norms.normalize(hp, x, label, default="none"))
            return activations.dropout(activation, rate, f"{label}_dropout")(x)

        return repeat(hp, x, "depth", range(5), depth, layer)
