"""Convolutional trunks for images."""

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations

SMALLEST_MAP = 2


def stages(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Stages of convolution, batch normalisation and pooling; each halves the picture and doubles the filters.

    Images (N, height, width, channels) to feature maps. The number of stages is bounded by the picture's size.
    """
    deepest = max(1, (min(x.shape[1:3]) // SMALLEST_MAP).bit_length() - 1)
    with hp.name_scope(name):
        depth = hp.Int("stages", 1, min(deepest, 5), default=min(deepest, 3))
        filters = hp.Choice("filters", [16, 32, 48, 64], default=32)
        kernel = hp.Choice("kernel", [3, 5, 7], default=3)
        repeats = hp.Int("repeats", 1, 2, default=1)
        dropout = hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.0)
        for stage in range(depth):
            for repeat in range(repeats):
                x = _convolution(hp, x, filters * 2**stage, kernel, f"{name}_{stage}_{repeat}")
            x = layers.MaxPooling2D(name=f"{name}_{stage}_pool")(x)
            if dropout:
                x = layers.SpatialDropout2D(dropout, name=f"{name}_{stage}_dropout")(x)
    return x


def _convolution(hp: HyperParameters, x: keras.KerasTensor, filters: int, kernel: int, name: str) -> keras.KerasTensor:
    activation, initializer = activations.choose(hp)
    x = layers.Conv2D(
        filters, kernel, padding="same", use_bias=False, kernel_initializer=initializer, name=f"{name}_conv"
    )(x)
    # Keras's momentum of 0.99 lags behind in a training of a few thousand steps.
    return activation(layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x))


def pool(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Feature maps to one vector an image: every position kept, or averaged away."""
    with hp.name_scope(name):
        if hp.Choice("pooling", ["flatten", "average"], default="flatten") == "flatten":
            return layers.Flatten(name=f"{name}_flatten")(x)
        return layers.GlobalAveragePooling2D(name=f"{name}_average")(x)
