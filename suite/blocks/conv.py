"""Convolutional networks for images."""

from dataclasses import dataclass

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations, feasibility, kernels, norms
from suite.blocks.choice import Operation, choice
from suite.blocks.convolutions import CONVOLUTIONS, standard
from suite.blocks.kernels import Kernel
from suite.blocks.stochastic_depth import StochasticDepth

CONNECTIONS = ["plain", "residual", "dense"]
TRENDS = {"same": 0, "growing": 2, "shrinking": -2}
MAX_STAGES = 6
MAX_FILTERS = 256
SQUEEZE_RATIO = 8
# The factor by which the stem makes pictures smaller, by their minimum side in pixels.
STEM_FACTORS = {160: 8, 80: 4, 24: 2, 0: 1}


@dataclass(frozen=True)
class Block:
    """The blocks of all stages; `drop_rate` is how often the last one is dropped (stochastic depth)."""

    convolution: Operation
    repeats: int
    connection: str
    squeeze: bool
    penalty: keras.Regularizer | None
    drop_rate: float


@dataclass(frozen=True)
class StageTransition:
    """From one stage to the next: the growth of kernels, pooling and dropout."""

    growth: int = 0
    pooling: str = "max"
    dropout: float = 0.0


def stages(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A stem, then stages of blocks; from one to the next, the picture is halved and the filters doubled, up to 256.

    Images (N, height, width, channels) to feature maps. By default, the picture's size decides the number of stages
    and how much smaller the stem makes the picture. `kernels` makes the kernels of later stages larger, smaller, or
    the same.
    """
    with hp.name_scope(name):
        x = _stem(hp, x, name)
        side = min(x.shape[1:3])
        kernel = hp.Int("kernel", 1, feasibility.MAX_KERNEL, default=3 if side >= 3 else 1)
        deepest = min(MAX_STAGES, side.bit_length())
        default = sum(side >> stage >= kernel for stage in range(3))
        depth = hp.Int("stages", 1, deepest, default=max(1, min(default, deepest)))
        transition = _transition(hp) if depth > 1 else StageTransition()
        filters = _filters(hp)
        blocks = hp.Int("blocks", 1, 4, default=1)
        block = _block(hp)
        for stage in range(depth):
            if stage:
                x = _downsample(x, transition, f"{name}_{stage}")
            size = kernel + transition.growth * (stage if transition.growth > 0 else stage + 1 - depth)
            for number in range(blocks):
                position = (stage * blocks + number + 1) / (depth * blocks)
                width = min(filters * 2**stage, MAX_FILTERS)
                x = _apply_block(hp, x, block, width, size, position, f"{name}_{stage}_{number}")
    return x


def _transition(hp: HyperParameters) -> StageTransition:
    return StageTransition(
        growth=TRENDS[hp.Choice("kernels", list(TRENDS), default="same")],
        pooling=hp.Choice("pooling", ["max", "average"], default="max"),
        dropout=hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
    )


def _filters(hp: HyperParameters) -> int:
    return int(hp.Choice("filters", [8, 16, 32, 48, 64, 96, 128], default=64))


def _stem(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Make the picture `stem` times smaller, by a strided convolution and pooling; a stem of 1 is none.

    The convolution has half of the first stage's filters and a stride of half the factor.
    """
    side = min(x.shape[1:3])
    default = next(factor for min_side, factor in STEM_FACTORS.items() if side >= min_side)
    factor = hp.Choice("stem", [1, 2, 4, 8], default=default)
    if factor == 1:
        return x
    stride = factor // 2
    kernel = 2 * stride + 1
    feasibility.check_kernel(x, kernel, f"{name}_stem_conv")
    activation, initializer = activations.choose(hp, label=f"{name}_stem_activation")
    x = layers.Conv2D(
        _filters(hp) // 2, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer=initializer,
        kernel_regularizer=kernels.penalty(hp), name=f"{name}_stem_conv",
    )(x)  # fmt: skip
    x = activation(norms.normalize(hp, x, f"{name}_stem"))
    feasibility.check_pooling(x, 2, f"{name}_stem_pool")
    return layers.MaxPooling2D(name=f"{name}_stem_pool")(x)


def _block(hp: HyperParameters) -> Block:
    connection = hp.Choice("connection", CONNECTIONS, default="residual")
    return Block(
        convolution=choice(hp, "convolution", CONVOLUTIONS, "standard", plain=True),
        repeats=hp.Int("repeats", 1, 3, default=2),
        connection=connection,
        squeeze=hp.Boolean("squeeze_excite", default=False),
        penalty=kernels.penalty(hp),
        # Only a residual block can be dropped: without a shortcut nothing would be left.
        drop_rate=hp.Float("stochastic_depth", 0.0, 0.5, step=0.1, default=0.0) if connection == "residual" else 0.0,
    )


def _downsample(x: keras.KerasTensor, transition: StageTransition, name: str) -> keras.KerasTensor:
    """Halve the sides of a feature map."""
    feasibility.check_pooling(x, 2, f"{name}_pool")
    pool = layers.MaxPooling2D if transition.pooling == "max" else layers.AveragePooling2D
    x = pool(2, name=f"{name}_pool")(x)
    return layers.SpatialDropout2D(transition.dropout, name=f"{name}_dropout")(x) if transition.dropout else x


def _apply_block(
    hp: HyperParameters, x: keras.KerasTensor, block: Block, filters: int, size: int, position: float, name: str
) -> keras.KerasTensor:
    """A block's convolutions; their output is added to the input (He et al. 2016), concatenated (Huang et al. 2017),
    or neither.

    `position` is the block's position in the network, up to 1 for the last one: later blocks are dropped more often.
    """
    block_input = x
    for repeat in range(block.repeats):
        activation, initializer = activations.choose(hp, label=f"{name}_{repeat}_activation")
        kernel = Kernel(size, initializer, block.penalty)
        x = block.convolution(x, filters, kernel, f"{name}_{repeat}")
        x = activation(norms.normalize(hp, x, f"{name}_{repeat}"))
    if block.squeeze:
        x = squeeze_excite(x, f"{name}_squeeze")
    if block.connection == "plain":
        return x
    if block.connection == "dense":
        return layers.Concatenate(name=f"{name}_concat")([block_input, x])
    if block.drop_rate:
        x = StochasticDepth(block.drop_rate * position, name=f"{name}_stochastic_depth")(x)
    if block_input.shape[-1] != filters:
        block_input = standard(block_input, filters, Kernel(1, "glorot_uniform", block.penalty), f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([block_input, x])


def squeeze_excite(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Weigh every channel by its mean over the picture, squeeze-and-excitation (Hu et al. 2018); keeps the shape."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    weights = layers.Dense(max(1, channels // SQUEEZE_RATIO), activation="relu", name=f"{name}_narrow")(weights)
    weights = layers.Dense(channels, activation="sigmoid", name=f"{name}_weights")(weights)
    return layers.Multiply(name=name)([x, weights])


def pool(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Feature maps to one vector for each image, then dropout: the mean or maximum of each channel, or (`flatten`) all
    values of maps pooled to half their size."""
    with hp.name_scope(name):
        pooling = hp.Choice("pooling", ["average", "max", "flatten"], default="average")
        if pooling == "flatten":
            feasibility.check_pooling(x, 2, f"{name}_pool")
            x = layers.Flatten(name=f"{name}_flatten")(layers.MaxPooling2D(name=f"{name}_pool")(x))
        elif pooling == "max":
            x = layers.GlobalMaxPooling2D(name=f"{name}_max")(x)
        else:
            x = layers.GlobalAveragePooling2D(name=f"{name}_average")(x)
        return layers.Dropout(hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.2), name=f"{name}_dropout")(x)
