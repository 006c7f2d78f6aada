"""The network for images: convolutional stages, then a small fully connected head."""

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import conv, dense, heads


def build(hp: HyperParameters, preprocessing: dict[str, Any], classes: int) -> keras.Model:
    """uint8 (N, height, width, channels) under the name `image` to probabilities (N, classes)."""
    shape = (preprocessing["height"], preprocessing["width"], preprocessing["channels"])
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(image)
    x = conv.stages(hp, x, "conv")
    x = conv.pool(hp, x, "pool")
    x = layers.Dropout(0.4, name="pool_dropout")(x)
    x = dense.multilayer(hp, x, "dense", units=128, dropout=0.5)
    return keras.Model({"image": image}, heads.classification(x, classes), name="image_cls")
