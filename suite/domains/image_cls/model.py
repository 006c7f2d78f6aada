"""The networks for images; `network` chooses one, and a search does not change it."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations, cells, conv, dense
from suite.blocks.types import Head
from suite.errors import unknown

LENET_SIDE = 32


def build(hp: HyperParameters, preprocessing: dict[str, Any], head: Head) -> keras.Model:
    """uint8 (N, height, width, channels) under the name `image` to what the head answers."""
    shape = (preprocessing["height"], preprocessing["width"], preprocessing["channels"])
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(image)
    network = hp.Fixed("network", "stages")
    if network not in NETWORKS:
        raise unknown("network", network, list(NETWORKS))
    return keras.Model({"image": image}, head(NETWORKS[network](hp, x)), name="image_cls")


def _stages(hp: HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
    """Convolutional stages, and fully connected layers if `dense.depth` asks for them."""
    x = conv.pool(hp, conv.stages(hp, x, "conv"), "pool")
    return dense.multilayer(hp, x, "dense", depth=0, units=128, dropout=0.5)


def _cells(hp: HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
    """Equal cells whose operations are chosen edge by edge."""
    return conv.pool(hp, cells.cells(hp, x, "cells"), "pool")


def _lenet(hp: HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
    """The classic ConvNet (LeCun et al. 1998) on 32 x 32: 6 and 16 kernels of 5 x 5, pooling, 120 and 84 units."""
    height, width = x.shape[1:3]
    if max(height, width) > LENET_SIDE:
        x = layers.Resizing(LENET_SIDE, LENET_SIDE, name="lenet_resize")(x)
    elif (height, width) != (LENET_SIDE, LENET_SIDE):
        top, left = (LENET_SIDE - height) // 2, (LENET_SIDE - width) // 2
        edges = ((top, LENET_SIDE - height - top), (left, LENET_SIDE - width - left))
        x = layers.ZeroPadding2D(edges, name="lenet_pad")(x)
    with hp.name_scope("lenet"):
        for number, filters in enumerate((6, 16), 1):
            activation, initializer = activations.choose(hp, label=f"lenet_conv_{number}_activation")
            x = layers.Conv2D(filters, 5, kernel_initializer=initializer, name=f"lenet_conv_{number}")(x)
            x = layers.MaxPooling2D(name=f"lenet_pool_{number}")(activation(x))
        x = layers.Flatten(name="lenet_flatten")(x)
        for number, units in enumerate((120, 84), 1):
            activation, initializer = activations.choose(hp, label=f"lenet_dense_{number}_activation")
            x = activation(layers.Dense(units, kernel_initializer=initializer, name=f"lenet_dense_{number}")(x))
    return x


NETWORKS: dict[str, Callable[[HyperParameters, keras.KerasTensor], keras.KerasTensor]] = {
    "stages": _stages,
    "cells": _cells,
    "lenet": _lenet,
}
