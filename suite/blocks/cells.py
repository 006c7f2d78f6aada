"""Networks of equal cells: each is a small graph whose edges are operations that a search chooses."""

from collections.abc import Mapping
from functools import partial

import keras
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import feasibility
from suite.blocks.choice import Operation, choice
from suite.blocks.relaxation import Relaxed
from suite.errors import UsageError

MAX_FILTERS, MAX_STAGES = 256, 4
NONE = "none"


def cells(hp: HyperParameters, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A convolution, then stages of equal cells (Zoph et al. 2018; Dong and Yang 2020).

    Pictures (N, height, width, channels) to feature maps. From one stage to the next, the picture is halved and the
    filters doubled, up to 256. The operations on the edges are those of all cells.
    """
    with hp.name_scope(name):
        deepest = min(MAX_STAGES, min(x.shape[1:3]).bit_length())
        filters = hp.Choice("filters", [8, 16, 24, 32, 48, 64], default=32)
        stages = hp.Int("stages", 1, deepest, default=min(3, deepest))
        repeats = hp.Int("repeats", 1, 4, default=1)
        nodes = hp.Int("nodes", 1, 4, default=3)
        feasibility.check_kernel(x, 3, f"{name}_stem_conv")
        stem = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_stem_conv")
        x = _normalized(stem(x), f"{name}_stem")
        for stage in range(stages):
            if stage:
                feasibility.check_pooling(x, 2, f"{name}_{stage}_pool")
                x = layers.MaxPooling2D(name=f"{name}_{stage}_pool")(x)
                x = _convolution(1, x, f"{name}_{stage}_widen", filters=min(filters * 2**stage, MAX_FILTERS))
            for number in range(repeats):
                x = cell(hp, x, OPERATIONS, nodes, f"{name}_{stage}_{number}")
        return layers.ReLU(name=f"{name}_relu")(x)


def cell(
    hp: HyperParameters, x: keras.KerasTensor, operations: Mapping[str, Operation], nodes: int, name: str
) -> keras.KerasTensor:
    """Nodes after the input, each the sum of what edges bring from all nodes before it; the last one is the output.

    Each of `operations` takes a tensor and the name of its layers, and keeps the shape; the first is the default. An
    edge with the operation `none` brings nothing, nor does one from a node that nothing comes to. UsageError where
    nothing comes to the last node. The hyperparameters are named by the edges, such as `0-1`.
    """
    values: list[keras.KerasTensor | None] = [x]
    default = next(iter(operations))
    if isinstance(hp, Relaxed):
        hp.equate([f"{source}-{target}" for target in range(1, nodes + 1) for source in range(target)], canonical)
    for target in range(1, nodes + 1):
        brought = []
        for source in range(target):
            edge = f"{source}-{target}"
            operation = choice(hp, edge, operations, plain=True)
            value = values[source]
            is_closed = operation is operations.get(NONE) or (
                isinstance(hp, Relaxed) and hp.options(hp.whole(edge), list(operations), default) == [NONE]
            )
            if value is not None and not is_closed:
                brought.append(operation(value, f"{name}_{edge}"))
        values.append(
            layers.Add(name=f"{name}_{target}_sum")(brought) if len(brought) > 1 else next(iter(brought), None)
        )
    if values[-1] is None:
        raise UsageError("nothing comes through its cells: give their last node an edge with an operation")
    return values[-1]


def canonical(operations: Mapping[str, str]) -> dict[str, str]:
    """The operations by edge, with `none` on edges that do not matter.

    These come from a node that nothing comes to, or go to one from which nothing reaches the last node. Cells are equal
    if their canonical operations are.
    """
    pairs = sorted((int(target), int(source)) for source, target in (edge.split("-") for edge in operations))
    used = [(source, target) for target, source in pairs if operations[f"{source}-{target}"] != NONE]
    from_input, to_output = {0}, {pairs[-1][0]}
    for source, target in used:
        if source in from_input:
            from_input.add(target)
    for source, target in sorted(used, key=lambda pair: -pair[0]):
        if target in to_output:
            to_output.add(source)
    matter = {f"{source}-{target}" for source, target in used if source in from_input and target in to_output}
    return {edge: operation if edge in matter else NONE for edge, operation in operations.items()}


def _none(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Nothing: zeros, where a supernet has to have something."""
    return layers.Rescaling(0.0, name=f"{name}_none")(x)


def _identity(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.Identity(name=f"{name}_identity")(x)


def _convolution(
    size: int, x: keras.KerasTensor, name: str, dilation: int = 1, filters: int | None = None
) -> keras.KerasTensor:
    """Rectified, convolved and normalised."""
    feasibility.check_kernel(x, size, name, dilation)
    x = layers.Conv2D(
        filters or x.shape[-1], size, padding="same", dilation_rate=dilation, use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(layers.ReLU(name=f"{name}_relu")(x))  # fmt: skip
    return _normalized(x, name)


def _separable(size: int, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Rectified, convolved channel by channel and then across channels, and normalised (Chollet 2017)."""
    feasibility.check_kernel(x, size, name)
    x = layers.SeparableConv2D(
        x.shape[-1], size, padding="same", use_bias=False, depthwise_initializer="he_normal",
        pointwise_initializer="he_normal", name=f"{name}_separable",
    )(layers.ReLU(name=f"{name}_relu")(x))  # fmt: skip
    return _normalized(x, name)


def _normalized(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    # Keras's momentum of 0.99 is too slow for a training of a few thousand steps.
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


def _pooled(kind: type[layers.Layer], x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return kind(3, strides=1, padding="same", name=f"{name}_pool")(x)


OPERATIONS: dict[str, Operation] = {
    "separable_3x3": partial(_separable, 3),
    "separable_5x5": partial(_separable, 5),
    "conv_1x1": partial(_convolution, 1),
    "conv_3x3": partial(_convolution, 3),
    "dilated_3x3": partial(_convolution, 3, dilation=2),
    "average_3x3": partial(_pooled, layers.AveragePooling2D),
    "max_3x3": partial(_pooled, layers.MaxPooling2D),
    "identity": _identity,
    NONE: _none,
}
