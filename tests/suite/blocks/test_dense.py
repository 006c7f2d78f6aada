"""The fully connected trunk, and what its activations require."""

from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters


def trunk(**values: Any) -> Any:
    import keras

    from suite.blocks import dense

    hp = HyperParameters()
    hp.values.update({f"dense/{name}": value for name, value in values.items()})
    x = keras.Input((64,))
    return keras.Model(x, dense.multilayer(hp, x, "dense", units=64))


def kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[1:]]


def test_its_layers_follow_the_hyperparameters() -> None:
    assert kinds(trunk()) == ["Dense", "Activation", "Dropout"]
    assert kinds(trunk(depth=0)) == []
    assert kinds(trunk(depth=2, normalization="batch")) == ["Dense", "BatchNormalization", "Activation", "Dropout"] * 2
    assert trunk(normalization="group").layers[2].groups == 8


def test_selu_keeps_mean_and_variance_while_training() -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = trunk(depth=4, activation="selu", dropout=0.1)
    assert kinds(model) == ["Dense", "Activation", "AlphaDropout"] * 4
    x = np.random.default_rng(0).normal(size=(4_000, 64)).astype(np.float32)
    after = np.asarray(model(x, training=True))
    assert after.mean() == pytest.approx(0, abs=0.15)
    assert after.std() == pytest.approx(1, abs=0.15)


def test_each_activation_has_its_initialiser() -> None:
    from suite.blocks.activations import INITIALIZERS

    names = {"he_normal": "HeNormal", "lecun_normal": "LecunNormal", "glorot_uniform": "GlorotUniform"}
    for activation, initializer in INITIALIZERS.items():
        layer = trunk(activation=activation).get_layer("dense_0")
        assert type(layer.kernel_initializer).__name__ == names[initializer], activation
