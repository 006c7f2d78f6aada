"""What every building block must do. Blocks come from the catalogue, so new ones are tested without changes here."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters

import suite.blocks
from suite import catalogue
from suite.catalogue import BLOCKS, Block

RNG = np.random.default_rng(0)


def public() -> Iterator[Callable[..., Any]]:
    """Every layer of suite.blocks, and every function there that asks for hyperparameters or makes a tensor."""
    for found in pkgutil.iter_modules(suite.blocks.__path__):
        module = import_module(f"suite.blocks.{found.name}")
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
                continue
            if inspect.isclass(value) and issubclass(value, keras.layers.Layer):
                yield value
            if inspect.isfunction(value):
                signature = inspect.signature(value)
                if "hp" in signature.parameters or "KerasTensor" in str(signature.return_annotation):
                    yield value


def made(block: Block, *, on: bool, seed: int = 0) -> Any:
    hp = HyperParameters()
    hp.values.update(block.on if on else {})
    keras.utils.set_random_seed(seed)
    return block.make(hp)


def rows(tensor: Any, count: int = 3) -> np.ndarray:
    shape = (count, *tensor.shape[1:])
    if tensor.dtype == "bool":
        return np.ones(shape, bool)
    if tensor.dtype == "int32":
        return RNG.integers(0, min(catalogue.VOCABULARIES), shape, np.int32)
    return RNG.uniform(0.1, 0.9, shape).astype(np.float32)


def answers(model: keras.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    names = [tensor.name for tensor in model.inputs]
    given = dict(zip(names, inputs, strict=True)) if isinstance(model.input, dict) else inputs[0]
    return [np.asarray(output) for output in keras.tree.flatten(model(given))]


def test_every_public_block_is_in_the_catalogue_once() -> None:
    listed = [block.function for block in BLOCKS]
    assert len(listed) == len(set(listed)) == len({block.name for block in BLOCKS})
    missing = [f"{value.__module__}.{value.__name__}" for value in public() if value not in listed]
    assert not missing, f"add to suite/catalogue.py: {missing}"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_has_a_summary_and_can_be_imported(block: Block) -> None:
    assert block.summary.endswith(".")
    assert getattr(import_module(block.module), block.function.__name__) is block.function
    assert catalogue.find(block.name) is block


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_values_that_switch_a_block_on_are_its_hyperparameters_and_change_it(block: Block) -> None:
    hp = HyperParameters()
    hp.values.update(block.on)
    block.make(hp)
    assert set(block.on) <= {item.name for item in hp.space}
    if block.on:
        assert str(_told(made(block, on=True))) != str(_told(made(block, on=False)))


def _told(value: Any) -> Any:
    """What a network is made of; for other values, how many they are or what they are."""
    if isinstance(value, keras.Model):
        return [(type(layer).__name__, str(layer.get_config())) for layer in value.layers]
    return len(value) if isinstance(value, list) else value is None


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_seed_decides_all_first_weights(block: Block) -> None:
    first, again, other = (made(block, on=True, seed=seed) for seed in (0, 0, 1))
    if not isinstance(first, keras.Model):
        return
    for weight, same, different in zip(first.weights, again.weights, other.weights, strict=True):
        assert np.array_equal(weight, same), weight.path
        is_random = len(np.unique(weight)) > 2 and "seed_generator" not in weight.path
        assert not (is_random and np.array_equal(weight, different)), weight.path


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_network_of_blocks_is_saved_loaded_and_cloned(block: Block, tmp_path: Path) -> None:
    model = made(block, on=True)
    if not isinstance(model, keras.Model):
        assert block.kind in ("augmentation", "training", "pretrained"), "a block that is part of a network gives none"
        return
    for weight in model.trainable_variables:
        weight.assign(weight + RNG.normal(0, 0.2, weight.shape))
    inputs = [rows(tensor) for tensor in model.inputs]
    expected = answers(model, inputs)
    model.save(tmp_path / "block.keras")
    loaded = keras.models.load_model(tmp_path / "block.keras")
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    for copy in (loaded, cloned):
        for ours, theirs in zip(expected, answers(copy, inputs), strict=True):
            assert np.isfinite(ours).all()
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.kind == "augmentation"], ids=lambda block: block.name
)
def test_every_augmentation_keeps_the_form_of_a_batch(block: Block) -> None:
    import tensorflow as tf

    change, seed = made(block, on=True), tf.constant([1, 2])
    x = tf.constant(RNG.integers(0, 256, (6, 24, 24, 3)), tf.float32)
    targets = tf.one_hot([0, 1, 2, 0, 1, 2], 3)
    if block.name == "augment.pictures":
        changed, new_targets = change({"image": tf.cast(x, tf.uint8)}, targets, seed)
        after = tf.cast(changed["image"], tf.float32)
        assert changed["image"].dtype == tf.uint8
    elif block.name == "mixing.choose":
        after, new_targets = change(x, targets, seed)
    else:
        after, new_targets = x, targets
        for one in change:
            after = one(after, seed)
    assert after.shape == x.shape
    assert np.abs(after - x).max() > 1
    np.testing.assert_allclose(tf.reduce_sum(new_targets, axis=1), 1, atol=1e-5)


def test_optimiser_and_loss_are_saved_and_loaded() -> None:
    from suite.training.model import OPTIMIZERS

    block = catalogue.find("training.model.optimizer")
    for name in OPTIMIZERS:
        hp = HyperParameters()
        hp.values.update({"training/optimizer": name, "training/average": 0.99, "training/clip": 0.1})
        optimizer = block.make(hp)
        assert (optimizer.clipnorm, optimizer.use_ema) == (0.1, True)
        again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        assert again.get_config() == optimizer.get_config()
    hp = HyperParameters()
    hp.values["training/clip"] = 0.0
    assert block.make(hp).clipnorm is None
    loss = made(catalogue.find("training.model.loss"), on=True)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
