"""The trunks for tables, and what their activations require."""

from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters


def trunk(kind: str, **values: Any) -> Any:
    import keras

    from suite.blocks import trunks

    hp = HyperParameters()
    hp.values.update({f"{kind}/{name}": value for name, value in values.items()})
    x = keras.Input((64,))
    return keras.Model(x, getattr(trunks, kind)(hp, x, kind))


@pytest.mark.parametrize("kind", ["mlp", "resnet"])
def test_dropout_follows_the_activation(kind: str) -> None:
    def dropouts(activation: str) -> list[str]:
        layers = trunk(kind, activation=activation).layers
        return [type(layer).__name__ for layer in layers if layer.name.startswith(f"{kind}_") and "drop" in layer.name]

    assert dropouts("relu") == ["Dropout"] * 3
    # What hides a share of the inputs comes before any activation.
    assert dropouts("selu") == ["Dropout", "AlphaDropout", "AlphaDropout"]


def test_selu_keeps_mean_and_variance_while_training() -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = trunk("mlp", depth=4, activation="selu", dropout=0.1, input_dropout=0.0, members=1, units=64)
    after = np.asarray(model(np.random.default_rng(0).normal(size=(4_000, 64)).astype(np.float32), training=True))
    assert after.mean() == pytest.approx(0, abs=0.15)
    assert after.std() == pytest.approx(1, abs=0.15)


def test_a_network_with_it_is_exported_for_every_engine(make: Any, tmp_path: Any) -> None:
    from suite import domain as registry
    from suite import workflow
    from suite.training import export
    from suite.training.data import prepare
    from suite.training.model import build, complete

    domain, dataset = registry.get("fraud"), make("fraud").dataset
    prepared = prepare(domain, dataset)
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, {"mlp.activation": "selu"})
    rows = dataset.take(dataset.rows["test"][:8])
    engines, notes = export.export(
        tmp_path,
        complete(domain, hp, prepared, build(domain, hp, prepared, 1)),
        prepared.preprocessing,
        dataset.specs,
        rows,
    )
    assert set(engines) == {"tf", "litert"}, notes
