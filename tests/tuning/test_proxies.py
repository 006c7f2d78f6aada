"""Scores of untrained networks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from keras_tuner import HyperParameters

from suite import domain as registry
from suite.catalogue import BLOCKS, Block
from suite.training.data import PreparedData, prepare
from suite.training.model import build
from tests.conftest import every_model, example
from tuning.proxies import PROXIES, Batch, zico
from tuning.proxies.synflow import NORMS

RNG = np.random.default_rng(0)
ROWS = 16
SMALL = {"image_cls": (("conv/stages", 1), ("conv/repeats", 1))}


@pytest.fixture(scope="module")
def prepared() -> Callable[[str], PreparedData]:
    """The example rows of a domain, or of DOMAIN-TASK."""
    return cache(lambda name: prepare(registry.get(name.partition("-")[0]), example(name)))


@pytest.fixture(scope="module")
def network(prepared: Callable[[str], PreparedData]) -> Callable[..., keras.Model]:
    """The network of a domain, or of DOMAIN-TASK, with hyperparameters by name."""

    @cache
    def built(name: str, values: tuple[tuple[str, Any], ...] = ()) -> keras.Model:
        hp = HyperParameters()
        hp.values.update(values)
        keras.utils.set_random_seed(0)
        return build(registry.get(name.partition("-")[0]), hp, prepared(name), 1)

    return built


def rows(inputs: Any, targets: Any, *, name: str = "x") -> Batch:
    return Batch({name: np.asarray(inputs, np.float32)}, np.asarray(targets, np.float32))


def stack(*units: int, width: int = 3, activation: str | None = "relu", kernel: Any = "he_normal") -> keras.Model:
    """Dense layers without biases, the last one without activation, and the squared error."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((width,), name="x")
    for index, size in enumerate(units):
        last = index + 1 == len(units)
        x = layers.Dense(size, None if last else activation, use_bias=False, kernel_initializer=kernel)(x)
    model = keras.Model(image, x)
    model.compile(loss="mean_squared_error")
    return model


@pytest.mark.parametrize("name", every_model())
def test_every_proxy_has_a_score_for_every_default_network_and_leaves_it_as_it_is(
    name: str, prepared: Callable[[str], PreparedData], network: Callable[..., keras.Model]
) -> None:
    model, batch = network(name), Batch.of(prepared(name), ROWS)
    before = [np.asarray(variable).tobytes() for variable in model.variables]
    scores = {proxy: PROXIES[proxy].score(model, batch) for proxy in PROXIES}
    assert all(map(math.isfinite, scores.values())), scores
    assert [np.asarray(variable).tobytes() for variable in model.variables] == before


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_has_scores(block: Block) -> None:
    hp = HyperParameters()
    hp.values.update(block.on)
    keras.utils.set_random_seed(0)
    model = block.make(hp)
    if not isinstance(model, keras.Model):
        return
    inputs = {tensor.name: np.ones((ROWS, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs}
    batch = Batch(inputs, np.zeros(ROWS, np.float32))
    has_weights = any(layer.trainable_variables for layer in model.layers if not isinstance(layer, NORMS))
    assert math.isfinite(PROXIES["synflow"].score(model, batch)) == has_weights
    assert math.isfinite(PROXIES["naswot"].score(model, batch))


@pytest.mark.parametrize(
    ("name", "hyperparameter", "narrow", "wide"),
    [("image_cls", "conv/filters", 8, 16), ("fraud", "mlp/units", 16, 32)],
)
def test_a_wider_network_scores_higher(
    name: str, hyperparameter: str, narrow: int, wide: int,
    prepared: Callable[[str], PreparedData], network: Callable[..., keras.Model],
) -> None:  # fmt: skip
    batch = Batch.of(prepared(name), ROWS)
    models = [network(name, (*SMALL.get(name, ()), (hyperparameter, value))) for value in (narrow, wide)]
    for proxy in ("parameters", "multiply_adds", "synflow"):
        low, high = (PROXIES[proxy].score(model, batch) for model in models)
        assert low < high, proxy


def test_batches_are_training_rows(prepared: Callable[[str], PreparedData]) -> None:
    data = prepared("fraud")
    numbered = replace(data, core={"number": np.arange(len(data.y))}, y=np.arange(len(data.y)) % 2)
    batch = Batch.of(numbered, ROWS, seed=1)
    drawn = batch.inputs["number"]
    assert len(set(drawn)) == ROWS
    assert set(drawn) <= set(data.rows["train"])
    assert np.array_equal(batch.targets.argmax(axis=1), drawn % 2)
    assert len(Batch.of(numbered, 10**6).targets) == len(data.rows["train"])


def test_sizes_are_counted_by_hand() -> None:
    model, batch = stack(5, 2), rows(np.zeros((4, 3)), np.zeros((4, 2)))
    assert PROXIES["parameters"].score(model, batch) == PROXIES["multiply_adds"].score(model, batch) == 3 * 5 + 5 * 2
    model.layers[-1].trainable = False
    assert PROXIES["parameters"].score(model, batch) == 3 * 5


def test_synflow_is_the_flow_along_all_paths_whatever_the_signs_and_the_data() -> None:
    model = stack(5, 4, 2)
    first, second, third = (np.abs(layer.kernel) for layer in model.layers[1:])
    # Each layer's weights times their gradients add up to the answers.
    expected = math.log(3 * (first @ second @ third).sum())
    batch = rows(RNG.normal(size=(4, 3)), np.zeros((4, 2)))
    score = PROXIES["synflow"].score(model, batch)
    assert score == pytest.approx(expected, abs=1e-5)
    for layer in model.layers[1:]:
        layer.kernel.assign(layer.kernel * RNG.choice([-1.0, 1.0], layer.kernel.shape))
    assert PROXIES["synflow"].score(model, rows(np.ones((2, 3)), np.zeros((2, 2)))) == score


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_synflow_of_a_deep_network_is_beyond_floating_point_numbers(activation: str) -> None:
    depth, width = 30, 64
    model = stack(*[width] * depth, width=width, activation=activation, kernel="ones")
    score = PROXIES["synflow"].score(model, rows(np.ones((1, width)), np.ones((1, width))))
    # Paths: a start and an end for each layer. float32 ends at e to the 89.
    assert score == pytest.approx(math.log(depth) + (depth + 1) * math.log(width), abs=1e-3)


@pytest.mark.parametrize("norm", [layers.BatchNormalization, layers.LayerNormalization])
def test_normalisation_does_not_change_synflow(norm: type[layers.Layer]) -> None:
    def made(between: Callable[[Any], Any]) -> float:
        x = keras.Input((3,), name="x")
        hidden = between(layers.Dense(4, kernel_initializer=keras.initializers.HeNormal(seed=0))(x))
        model = keras.Model(x, layers.Dense(2, kernel_initializer=keras.initializers.HeNormal(seed=1))(hidden))
        return PROXIES["synflow"].score(model, rows(np.ones((2, 3)), np.ones((2, 2))))

    assert made(norm()) == pytest.approx(made(lambda x: x), abs=1e-6)


def test_synflow_of_a_sum_of_paths_is_that_of_all_of_them() -> None:
    x = keras.Input((2,), name="x")
    large, small = (layers.Dense(2, use_bias=False, kernel_initializer=kind)(x) for kind in ("ones", "he_normal"))
    model = keras.Model(x, layers.Dense(1, use_bias=False, kernel_initializer="ones")(layers.Add()([large, small])))
    flow = 4 + np.abs(model.layers[2].kernel).sum()
    score = PROXIES["synflow"].score(model, rows(np.ones((1, 2)), np.ones((1, 1))))
    assert score == pytest.approx(math.log(2 * flow), abs=1e-6)


def test_naswot_is_the_determinant_of_agreements() -> None:
    model, x = stack(6, 5, 2), RNG.normal(size=(7, 3)).astype(np.float32)
    first = x @ np.asarray(model.layers[1].kernel)
    second = np.maximum(first, 0) @ np.asarray(model.layers[2].kernel)
    codes = np.concatenate([first, second], axis=1) > 0
    agreements = (codes[:, None] == codes[None]).sum(axis=-1)
    expected = np.linalg.slogdet(agreements + np.eye(7)).logabsdet
    assert PROXIES["naswot"].score(model, rows(x, np.zeros((7, 2)))) == pytest.approx(expected)


@pytest.mark.parametrize("activation", ["sigmoid", "gelu", "silu", "tanh", "elu", "mish", "leaky_relu"])
def test_naswot_asks_whether_an_activations_input_is_above_zero(activation: str) -> None:
    batch = rows(RNG.normal(size=(7, 3)), np.zeros((7, 2)))
    smooth, rectified = (PROXIES["naswot"].score(stack(6, 2, activation=kind), batch) for kind in (activation, "relu"))
    assert smooth == pytest.approx(rectified)


def test_naswot_of_rows_that_agree_on_everything_is_low_and_of_no_activation_is_zero() -> None:
    same = rows(np.ones((7, 3)), np.zeros((7, 2)))
    assert PROXIES["naswot"].score(stack(6, 2), same) == pytest.approx(math.log(1 + 7 * 6))
    assert PROXIES["naswot"].score(stack(6, 2, activation=None), same) == 0


def test_zico_is_the_steadiness_of_gradients() -> None:
    model, x, y = stack(2), RNG.normal(size=(16, 3)), RNG.normal(size=(16, 2))
    error = x @ np.asarray(model.layers[1].kernel, np.float64) - y
    gradients = np.stack(
        [x[part].T @ error[part] / len(part) for part in np.array_split(np.arange(16), zico.PARTS)]
    )  # fmt: skip
    expected = math.log((np.abs(gradients).mean(axis=0) / gradients.std(axis=0)).sum())
    assert PROXIES["zico"].score(model, rows(x, y)) == pytest.approx(expected, rel=1e-4)


def constant(x: Any) -> Any:
    return layers.Dense(2)(layers.Rescaling(0.0)(x))


def frozen(x: Any) -> Any:
    return layers.Dense(2, trainable=False)(x)


def looping(x: Any) -> Any:
    return layers.GRU(2)(layers.Reshape((3, 1))(x))


def unlimited(x: Any) -> Any:
    return layers.Dense(2, kernel_initializer=keras.initializers.Constant(np.inf))(x)


@pytest.mark.parametrize(
    ("make", "lost"),
    [
        (constant, ("synflow", "zico")),
        (frozen, ("synflow", "zico")),
        (looping, ("multiply_adds",)),
        (unlimited, ("synflow", "zico")),
    ],
)
@pytest.mark.filterwarnings("ignore:.*invalid value:RuntimeWarning")
def test_a_network_of_which_nothing_can_be_said_scores_lowest(
    make: Callable[[Any], Any], lost: Mapping[str, float]
) -> None:
    x = keras.Input((3,), name="x")
    model = keras.Model(x, make(x))
    model.compile(loss="mean_squared_error")
    batch = rows(RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2)))
    scores = {name: proxy.score(model, batch) for name, proxy in PROXIES.items()}
    assert tuple(name for name, score in scores.items() if score == -math.inf) == lost
    assert not any(map(math.isnan, scores.values()))
