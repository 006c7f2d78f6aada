"""Network diagrams: branches, joins, repetitions."""

from functools import partial
from typing import Any

import numpy as np
import pytest


def drawn(model: Any) -> list[str]:
    from suite.cli import network_diagram
    from suite.training import architecture

    return network_diagram.draw(architecture.layers(model))


def gutters(lines: list[str]) -> list[str]:
    """The flow at the left of each row, without the heading."""
    return [line[: lines[0].index("layer")].rstrip() for line in lines[1:]]


def names(lines: list[str]) -> list[str]:
    start = lines[0].index("layer")
    return [line[start:].split()[0] for line in lines[1:]]


def residual(blocks: int) -> Any:
    import keras
    from keras import layers

    x = entering = keras.Input((4,), name="x")
    for index in range(blocks):
        y = layers.Dense(4, use_bias=False, name=f"dense_{index}")(x)
        y = layers.Activation("relu", name=f"relu_{index}")(layers.BatchNormalization(name=f"norm_{index}")(y))
        x = layers.Add(name=f"add_{index}")([x, layers.Dense(4, name=f"out_{index}")(y)])
    return keras.Model(entering, x)


def test_a_shortcut_leaves_the_line_and_joins_it_again() -> None:
    lines = drawn(residual(1))
    assert gutters(lines) == ["●", "├─●", "│ ●", "●─╯"]
    assert names(lines) == ["x", "dense_0", "out_0", "add_0"]


def test_layers_that_change_values_in_place_are_shown_with_the_layer_before() -> None:
    (row,) = [line for line in drawn(residual(1)) if "dense_0" in line]
    assert "Dense 4 units, BatchNormalization, relu" in row
    assert row.split()[-1] == str(4 * 4 + 4 * 4)


def test_blocks_that_repeat_are_folded() -> None:
    lines = drawn(residual(5))
    assert len(lines) == len(drawn(residual(1))) + 1
    assert "the same 3 rows 4 times more, to add_4" in lines[-1]
    assert "the same 3 rows once more, to add_1" in drawn(residual(2))[-1]


def test_inputs_side_by_side_are_joined() -> None:
    import keras
    from keras import layers

    inputs = [keras.Input((size,), name=f"input_{size}") for size in (2, 3, 4)]
    model = keras.Model(inputs, layers.Concatenate(name="join")(inputs))
    assert gutters(drawn(model)) == ["●", "│ ●", "│ │ ●", "●─┴─╯"]


def test_a_crossed_line_continues() -> None:
    import keras
    from keras import layers

    x = keras.Input((4,), name="x")
    left = layers.Dense(4, name="left")(x)
    right = layers.Dense(4, name="right")(x)
    more = layers.Add(name="more")([x, right])
    model = keras.Model(x, layers.Add(name="all")([left, more]))
    assert gutters(drawn(model)) == ["●", "├─●", "├─┼─●", "●─┼─╯", "●─╯"]


def test_layers_come_after_what_they_read_and_count_their_weights() -> None:
    from suite.training import architecture

    model = residual(2)
    layers = architecture.layers(model)
    seen: set[str] = set()
    for layer in layers:
        assert set(layer.inputs) <= seen
        seen.add(layer.name)
    assert sum(layer.parameters for layer in layers) == model.count_params()
    assert {layer.name for layer in layers} == {layer.name for layer in model.layers}


def test_multiply_adds_are_those_of_the_formulas() -> None:
    import keras
    from keras import layers

    from suite.training import architecture

    def count(shape: tuple[int, ...], *stack: Any) -> int | None:
        x = entering = keras.Input(shape)
        for layer in stack:
            x = layer(x)
        return architecture.multiply_adds(keras.Model(entering, x))

    assert count((8, 6, 3), layers.Conv2D(5, 3, padding="same")) == 8 * 6 * 3 * 3 * 3 * 5
    assert count((8, 6, 3), layers.Conv2D(5, 3, strides=2, padding="same")) == 4 * 3 * 3 * 3 * 3 * 5
    assert count((8, 6, 3), layers.DepthwiseConv2D(3, padding="same")) == 8 * 6 * 3 * 3 * 3
    assert count((7,), layers.Dense(5), layers.Dense(2)) == 7 * 5 + 5 * 2
    assert count((4, 7), layers.Dense(5)) == 4 * 7 * 5
    assert count((4, 7), layers.EinsumDense("nmf,mfc->nmc", (4, 2))) == 4 * 7 * 2
    steps, inputs, units = 6, 3, 5
    assert count((steps, inputs), layers.GRU(units, unroll=True)) == steps * 3 * units * (inputs + units)
    assert count((steps, inputs), layers.GRU(units)) is None

    class Itself(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.attention = layers.MultiHeadAttention(2, 4)

        def call(self, x: Any) -> Any:
            return self.attention(x, x)

    length, width = 6, 8
    projections, weights = 4 * length * width * 2 * 4, 2 * 2 * length * length * 4
    assert count((length, width), Itself()) == projections + weights


def test_the_classic_network_costs_what_the_textbook_says() -> None:
    from keras_tuner import HyperParameters

    from suite.blocks import heads
    from suite.domains.image_cls import model as networks
    from suite.training import architecture

    hp = HyperParameters()
    hp.values["network"] = "lenet"
    model = networks.build(hp, {"height": 32, "width": 32, "channels": 1}, partial(heads.classification, classes=10))
    convolutions = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25
    assert architecture.multiply_adds(model) == convolutions + 400 * 120 + 120 * 84 + 84 * 10
    assert np.prod(architecture.layers(model)[-1].shape) == 10


@pytest.mark.parametrize("kind", ["convolution", "transformer", "lstm"])
def test_masks_and_readers_are_drawn(kind: str) -> None:
    import keras
    from keras_tuner import HyperParameters

    from suite.blocks import sequence

    hp = HyperParameters()
    hp.values["reader/kind"] = kind
    ids = keras.Input((6,), dtype="int32", name="words")
    lines = drawn(keras.Model(ids, sequence.reader(hp, ids, 9, "reader")))
    assert {"words", "reader_embedding", "reader_present"} <= set(names(lines))
    assert all("●" in gutter for gutter, line in zip(gutters(lines), lines[1:], strict=True) if "the same" not in line)
