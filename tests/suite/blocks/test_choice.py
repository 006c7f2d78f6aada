"""Operations by hyperparameters: what a path of a supernet answers is what its network answers by itself."""

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from keras_tuner import HyperParameters

from suite.blocks import activations, cells
from suite.blocks.choice import choice, layers_of, repeat
from suite.blocks.relaxation import Relaxed
from suite.errors import UsageError

X = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype(np.float32)
KINDS = ("separable_3x3", "conv_1x1", "average_3x3", "identity", "none")


def _conv(size: int, x: Any, name: str) -> Any:
    return layers.Conv2D(2, size, padding="same", name=f"{name}_conv_{size}")(x)


def _too_large(x: Any, name: str) -> Any:
    raise UsageError("its kernel is too large")


def small(hp: HyperParameters) -> keras.Model:
    """Convolutions of two sizes, an activation, a cell, and up to three dense layers."""
    image = keras.Input((8, 8, 2))
    operations = {
        "small": partial(_conv, 1), "large": partial(_conv, 3), "impossible": _too_large,
        "other_shape": lambda x, name: layers.AveragePooling2D(2)(x),
    }  # fmt: skip
    operation = choice(hp, "size", operations, "small")
    activation, _ = activations.choose(hp)
    x = activation(operation(operation(image, "first"), "second"))
    x = cells.cell(hp, x, {kind: cells.OPERATIONS[kind] for kind in KINDS}, 2, "cell")
    x = repeat(hp, x, "depth", range(1, 4), 2, lambda x, number: layers.Dense(2, name=f"dense_{number}")(x))
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def supernet() -> tuple[Relaxed, keras.Model]:
    """The supernet of the small networks, with normalisation that is not as it begins."""
    keras.utils.set_random_seed(0)
    hp = Relaxed()
    model = hp.built(small)
    for layer in layers_of(model):
        layer.set_weights(
            [value + np.random.default_rng(0).uniform(0.1, 1, value.shape) for value in layer.get_weights()]
        )
    return hp, model


@given(st.data())
@settings(max_examples=25)
def test_a_path_answers_as_its_network_by_itself(supernet: tuple[Relaxed, keras.Model], data: st.DataObject) -> None:
    hp, model = supernet
    values = hp.canonical({name: data.draw(st.sampled_from(gate.options)) for name, gate in hp.gates.items()})
    for name, gate in hp.gates.items():
        gate.set(values[name])
    chosen = HyperParameters()
    chosen.values.update(values)
    if {values["0-2"], values["1-2"]} == {"none"}:
        with pytest.raises(UsageError, match="nothing comes through"):
            small(chosen)
        return
    network = small(chosen)
    known = {layer.name: layer for layer in layers_of(model, open_only=True)}
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(known[layer.name].get_weights())
    np.testing.assert_array_equal(model(X, training=False), network(X, training=False))


def test_what_cannot_stand_beside_the_default_is_left_out(supernet: tuple[Relaxed, keras.Model]) -> None:
    hp, _ = supernet
    assert hp.gates["size"].options == ["small", "large"]
    assert hp.left_out == {"size": {"impossible", "other_shape"}}
    assert hp.gates["depth"].options == [1, 2, 3]


def test_values_are_restricted() -> None:
    hp = Relaxed(
        {"size": "large", "0-1": "conv_1x1"}, {"size": ["large"], "depth": [2, 3], "activation": ["relu", "elu"]}
    )
    hp.built(small)
    assert {name: gate.options for name, gate in hp.gates.items() if "-" not in name} == {
        "activation": ["relu", "elu"], "depth": [2, 3],
    }  # fmt: skip


def test_a_block_that_changes_the_shape_is_in_all_networks_or_in_none() -> None:
    def build(hp: HyperParameters) -> keras.Model:
        x = keras.Input((3,))
        return keras.Model(x, repeat(hp, x, "depth", range(4), 2, lambda x, _: layers.Dense(5)(x)))

    for depth, options in ((0, None), (2, [1, 2, 3])):
        hp = Relaxed({"depth": depth})
        hp.built(build)
        assert (hp.gates["depth"].options if hp.gates else None) == options


def test_a_mixture_of_one_option_is_that_option() -> None:
    keras.utils.set_random_seed(0)
    soft = Relaxed(soft=True)
    mixed = soft.built(small)
    for gate in soft.gates.values():
        gate.bar(range(1, len(gate.options)))
        gate.set(gate.options[0])
    hard = Relaxed()
    single = hard.built(small)
    for gate, other in zip(hard.gates.values(), soft.gates.values(), strict=True):
        gate.set(other.value)
    single.set_weights(mixed.get_weights())
    np.testing.assert_allclose(mixed(X), single(X), atol=1e-5)


def test_equal_cells_have_one_canonical_form() -> None:
    edges = ("0-1", "0-2", "1-2")
    every = {tuple(cells.canonical(dict(zip(edges, one, strict=True))).values()) for one in
             ((a, b, c) for a in KINDS for b in KINDS for c in KINDS)}  # fmt: skip
    assert len(every) == 85
    assert cells.canonical({"0-1": "none", "0-2": "identity", "1-2": "conv_1x1"}) == {
        "0-1": "none", "0-2": "identity", "1-2": "none",
    }  # fmt: skip


def test_a_network_by_itself_has_only_what_is_chosen() -> None:
    hp = HyperParameters()
    hp.values.update({"size": "large", "0-2": "identity", "0-1": "none", "depth": 1})
    names = {layer.name for layer in small(hp).layers if layer.weights}
    assert names == {"first_conv_3", "second_conv_3", "dense_0"}
