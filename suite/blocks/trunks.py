"""Trunks for tables: from one vector for each row, or for each column, to the head's input."""

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations
from suite.blocks.choice import repeat
from suite.blocks.ensemble import Members

UNITS = [16, 32, 64, 128, 256, 512]


def _members(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """The rows of each member of the ensemble; while training, a share of the inputs is dropped for all members."""
    rate = hp.Float("input_dropout", 0.0, 0.6, step=0.1, default=0.2)
    x = layers.Dropout(rate, name=f"{name}_input_dropout")(x)
    count = hp.Choice("members", [1, 4, 8, 16, 32], default=16)
    return Members(count, name=f"{name}_members")(x) if count > 1 else x


def mlp(hp: HyperParameters, x: keras.KerasTensor, name: str, dropout: float = 0.2) -> keras.KerasTensor:
    """Fully connected layers for each member of an ensemble: (N, width) to (N, members, units)."""
    with hp.name_scope(name):
        x = _members(hp, x, name)
        units = hp.Choice("units", UNITS, default=128)
        dropout = hp.Float("dropout", 0.0, 0.6, step=0.1, default=dropout)

        def layer(x: keras.KerasTensor, index: int) -> keras.KerasTensor:
            activation, initializer = activations.choose(hp)
            x = activation(layers.Dense(units, kernel_initializer=initializer, name=f"{name}_{index}")(x))
            return activations.dropout(activation, dropout, f"{name}_{index}_dropout")(x)

        return repeat(hp, x, "depth", range(1, 5), 2, layer)


def resnet(hp: HyperParameters, x: keras.KerasTensor, name: str, dropout: float = 0.2) -> keras.KerasTensor:
    """Residual blocks (Gorishniy et al. 2021, ResNet): (N, width) to (N, members, units)."""
    with hp.name_scope(name):
        x = _members(hp, x, name)
        units = hp.Choice("units", UNITS, default=128)
        dropout = hp.Float("dropout", 0.0, 0.6, step=0.1, default=dropout)
        x = layers.Dense(units, name=f"{name}_first")(x)

        def block(x: keras.KerasTensor, index: int) -> keras.KerasTensor:
            label = f"{name}_{index}"
            activation, initializer = activations.choose(hp)
            inner = layers.LayerNormalization(name=f"{label}_norm")(x)
            inner = activation(layers.Dense(2 * units, kernel_initializer=initializer, name=f"{label}_wide")(inner))
            inner = activations.dropout(activation, dropout, f"{label}_dropout")(inner)
            return layers.Add(name=f"{label}_add")([x, layers.Dense(units, name=f"{label}_narrow")(inner)])

        x = repeat(hp, x, "depth", range(1, 5), 2, block)
        return layers.Activation("relu", name=f"{name}_relu")(layers.LayerNormalization(name=f"{name}_norm")(x))


def transformer(hp: HyperParameters, x: keras.KerasTensor, name: str, dropout: float = 0.2) -> keras.KerasTensor:
    """A transformer over columns (Gorishniy et al. 2021, FT-Transformer): (N, columns, units) to (N, units)."""
    units = x.shape[-1]
    with hp.name_scope(name):
        heads = hp.Choice("heads", [1, 2, 4], default=2)
        dropout = hp.Float("dropout", 0.0, 0.6, step=0.1, default=dropout)
        for index in range(hp.Int("depth", 1, 4, default=2)):
            label = f"{name}_{index}"
            activation, initializer = activations.choose(hp)
            normalized = layers.LayerNormalization(name=f"{label}_norm")(x)
            attention = layers.MultiHeadAttention(heads, units // heads, name=f"{label}_attention")
            attended = attention(normalized, normalized)
            x = layers.Add(name=f"{label}_add")([x, layers.Dropout(dropout, name=f"{label}_dropout")(attended)])
            normalized = layers.LayerNormalization(name=f"{label}_norm_2")(x)
            wide = activation(layers.Dense(2 * units, kernel_initializer=initializer, name=f"{label}_wide")(normalized))
            x = layers.Add(name=f"{label}_add_2")([x, layers.Dense(units, name=f"{label}_narrow")(wide)])
        x = layers.GlobalAveragePooling1D(name=f"{name}_mean")(x)
        return layers.Activation("relu", name=f"{name}_relu")(layers.LayerNormalization(name=f"{name}_norm")(x))
