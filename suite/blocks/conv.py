"""Convolutional trunks for images."""

from dataclasses import dataclass

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations, feasible, kernels, norms
from suite.blocks.convolutions import CONVOLUTIONS, standard
from suite.blocks.kernels import Kernel
from suite.blocks.stochastic_depth import StochasticDepth

CONNECTIONS = ["plain", "residual", "dense"]
TRENDS = {"same": 0, "growing": 2, "shrinking": -2}
MOST_STAGES = 6
WIDEST = 256
SQUEEZE = 8
# Pictures of at least so many pixels a side are made so many times smaller before the stages.
STEMS = {160: 8, 80: 4, 24: 2, 0: 1}


@dataclass(frozen=True)
class Block:
    """What every block of a trunk is made of; `dropped` is how often the last one is left out."""

    convolution: str
    repeats: int
    connection: str
    squeeze: bool
    penalty: keras.Regularizer | None
    dropped: float


@dataclass(frozen=True)
class Between:
    """What happens from one stage to the next."""

    growth: int = 0
    pooling: str = "max"
    dropout: float = 0.0


def stages(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A stem, then stages of blocks of convolutions; between stages the picture is halved and the filters doubled,
    up to 256.

    Images (N, height, width, channels) to feature maps. How many times the stem makes the picture smaller, and how
    many stages there are, follows from its size where nothing else is said. `kernels` says whether later stages have
    larger kernels, smaller ones, or the same.
    """
    with hp.name_scope(name):
        x = _stem(hp, x, name)
        side = min(x.shape[1:3])
        kernel = hp.Int("kernel", 1, feasible.LARGEST_KERNEL, default=3 if side >= 3 else 1)
        deepest = min(MOST_STAGES, side.bit_length())
        default = sum(side >> stage >= kernel for stage in range(3))
        depth = hp.Int("stages", 1, deepest, default=max(1, min(default, deepest)))
        between = _between(hp) if depth > 1 else Between()
        filters = _filters(hp)
        blocks = hp.Int("blocks", 1, 4, default=1)
        block = _block(hp)
        for stage in range(depth):
            if stage:
                x = _halve(x, between, f"{name}_{stage}")
            size = kernel + between.growth * (stage if between.growth > 0 else stage + 1 - depth)
            for number in range(blocks):
                share = (stage * blocks + number + 1) / (depth * blocks)
                width = min(filters * 2**stage, WIDEST)
                x = _connected(hp, x, block, width, size, share, f"{name}_{stage}_{number}")
    return x


def _between(hp: HyperParameters) -> Between:
    return Between(
        growth=TRENDS[hp.Choice("kernels", list(TRENDS), default="same")],
        pooling=hp.Choice("pooling", ["max", "average"], default="max"),
        dropout=hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
    )


def _filters(hp: HyperParameters) -> int:
    return int(hp.Choice("filters", [8, 16, 32, 48, 64, 96, 128], default=64))


def _stem(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """`stem` times smaller: by a convolution of half the first stage's filters, its stride half of that, and pooling;
    at 1 there is none."""
    side = min(x.shape[1:3])
    factor = hp.Choice("stem", [1, 2, 4, 8], default=next(stem for least, stem in STEMS.items() if side >= least))
    if factor == 1:
        return x
    stride = factor // 2
    kernel = 2 * stride + 1
    feasible.kernel(x, kernel, f"{name}_stem_conv")
    activation, initializer = activations.choose(hp, label=f"{name}_stem_activation")
    x = layers.Conv2D(
        _filters(hp) // 2, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer=initializer,
        kernel_regularizer=kernels.penalty(hp), name=f"{name}_stem_conv",
    )(x)  # fmt: skip
    x = activation(norms.normalize(hp, x, f"{name}_stem"))
    feasible.pooling(x, 2, f"{name}_stem_pool")
    return layers.MaxPooling2D(name=f"{name}_stem_pool")(x)


def _block(hp: HyperParameters) -> Block:
    connection = hp.Choice("connection", CONNECTIONS, default="residual")
    return Block(
        convolution=hp.Choice("convolution", list(CONVOLUTIONS), default="standard"),
        repeats=hp.Int("repeats", 1, 3, default=2),
        connection=connection,
        squeeze=hp.Boolean("squeeze_excite", default=False),
        penalty=kernels.penalty(hp),
        # Without a way round a block there is nothing left when it is left out.
        dropped=hp.Float("stochastic_depth", 0.0, 0.5, step=0.1, default=0.0) if connection == "residual" else 0.0,
    )


def _halve(x: keras.KerasTensor, between: Between, name: str) -> keras.KerasTensor:
    feasible.pooling(x, 2, f"{name}_pool")
    pool = layers.MaxPooling2D if between.pooling == "max" else layers.AveragePooling2D
    x = pool(2, name=f"{name}_pool")(x)
    return layers.SpatialDropout2D(between.dropout, name=f"{name}_dropout")(x) if between.dropout else x


def _connected(
    hp: HyperParameters, x: keras.KerasTensor, block: Block, filters: int, size: int, share: float, name: str
) -> keras.KerasTensor:
    """A block's convolutions, joined with what came in: not at all, added (He et al. 2016) or concatenated
    (Huang et al. 2017)."""
    entering = x
    for repeat in range(block.repeats):
        activation, initializer = activations.choose(hp, label=f"{name}_{repeat}_activation")
        kernel = Kernel(size, initializer, block.penalty)
        x = CONVOLUTIONS[block.convolution](x, filters, kernel, f"{name}_{repeat}")
        x = activation(norms.normalize(hp, x, f"{name}_{repeat}"))
    if block.squeeze:
        x = squeeze_excite(x, f"{name}_squeeze")
    if block.connection == "plain":
        return x
    if block.connection == "dense":
        return layers.Concatenate(name=f"{name}_concat")([entering, x])
    if block.dropped:
        x = StochasticDepth(block.dropped * share, name=f"{name}_stochastic_depth")(x)
    if entering.shape[-1] != filters:
        entering = standard(entering, filters, Kernel(1, "glorot_uniform", block.penalty), f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([entering, x])


def squeeze_excite(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Weigh every channel by what the whole picture says of it (Hu et al. 2018); the shape stays."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    weights = layers.Dense(max(1, channels // SQUEEZE), activation="relu", name=f"{name}_narrow")(weights)
    weights = layers.Dense(channels, activation="sigmoid", name=f"{name}_weights")(weights)
    return layers.Multiply(name=name)([x, weights])


def pool(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Feature maps to one vector an image, then dropout: a channel's mean or largest value, or (`flatten`) all places
    once they are halved."""
    with hp.name_scope(name):
        pooling = hp.Choice("pooling", ["average", "max", "flatten"], default="average")
        if pooling == "flatten":
            feasible.pooling(x, 2, f"{name}_pool")
            x = layers.Flatten(name=f"{name}_flatten")(layers.MaxPooling2D(name=f"{name}_pool")(x))
        elif pooling == "max":
            x = layers.GlobalMaxPooling2D(name=f"{name}_max")(x)
        else:
            x = layers.GlobalAveragePooling2D(name=f"{name}_average")(x)
        return layers.Dropout(hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.2), name=f"{name}_dropout")(x)
