"""Mixed precision: when it is used, what stays float32, and what is saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.errors import UsageError


def built(name: str, dataset: Any, values: dict[str, Any]) -> Any:
    from suite import workflow
    from suite.training.data import prepare
    from suite.training.model import build

    domain = registry.get(name)
    prepared = prepare(domain, dataset)
    return build(domain, workflow.resolve_hyperparameters(domain, prepared, 1, values), prepared, 1)


CAPABLE: dict[str, Any] = {"compute_capability": (8, 0)}
OLD: dict[str, Any] = {"compute_capability": (7, 5)}


@pytest.mark.parametrize(
    ("devices", "gains"), [([], False), ([OLD], False), ([CAPABLE], True), ([CAPABLE, OLD], False), ([{}], False)]
)
def test_hardware_gains_where_every_gpu_has_bfloat16(
    monkeypatch: pytest.MonkeyPatch, devices: list[dict[str, Any]], gains: bool
) -> None:
    import tensorflow as tf

    from suite.training import precision

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: devices)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: device)
    assert precision.hardware_gains() is gains


@pytest.mark.parametrize("gains", [False, True])
def test_auto_is_mixed_on_capable_hardware(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, gains: bool
) -> None:
    from suite.training import precision

    monkeypatch.setattr(precision, "hardware_gains", lambda: gains)
    model = built("fraud", make("fraud").dataset, {})
    assert ("bfloat16" in {layer.compute_dtype for layer in model.layers}) is gains


def test_the_card_records_the_precision_that_auto_chose(made: Any) -> None:
    assert made.card.hyperparameters["training/precision"] == "auto"
    assert made.card.training["precision"] == "float32"


def test_an_unknown_precision_is_refused(make: Callable[[str], Any]) -> None:
    with pytest.raises(UsageError, match=r"no training\.precision 'mixed_float16': did you mean 'mixed_bfloat16'"):
        built("fraud", make("fraud").dataset, {"training.precision": "mixed_float16"})


def test_the_policy_is_restored_after_the_network_is_built(make: Callable[[str], Any]) -> None:
    import keras

    from suite.training import precision

    before = keras.config.dtype_policy()
    model = built("image_cls", make("image_cls").dataset, SMALL | {"training.precision": "mixed_bfloat16"})
    assert keras.config.dtype_policy() == before
    assert keras.layers.Dense(1).compute_dtype == "float32"
    with pytest.raises(RuntimeError), precision.applied("mixed_bfloat16"):
        raise RuntimeError
    assert keras.config.dtype_policy() == before
    by_name = {layer.name: layer.compute_dtype for layer in model.layers}
    assert by_name["conv_0_0_0_conv"] == "bfloat16"
    assert by_name["softmax"] == by_name["probabilities"] == "float32"
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}


SMALL = {"conv.filters": 8, "conv.stages": 1, "conv.repeats": 1, "conv.squeeze_excite": True}


@pytest.mark.parametrize(("name", "values"), [("image_cls", SMALL), ("text_cls", {}), ("fraud", {})])
def test_a_network_trained_in_bfloat16_is_saved_in_float32(
    make: Callable[[str], Any], tmp_path: Path, name: str, values: dict[str, Any]
) -> None:
    import keras

    from suite import saving, workflow
    from suite.preprocessing import mirror
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings

    domain, dataset = registry.get(name), make(name).dataset
    prepared = prepare(domain, dataset)
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, {**values, "training.precision": "mixed_bfloat16"})
    outcome = workflow.train(domain, dataset, prepared, hp, TrainingSettings(1, 0, prepared.task.objective))
    folder, card = saving.save(tmp_path, name, outcome, command="suite fit")
    assert card.engines["litert"]["max_abs_diff"] <= 1e-4, card.notes
    assert card.hyperparameters["training/precision"] == card.training["precision"] == "mixed_bfloat16"
    assert np.isfinite(outcome.fitted.history["loss"]).all()

    model = keras.models.load_model(folder / "model.keras")
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}
    rows = dataset.rows["test"][:8]
    core = mirror.load(card.preprocessing)(dataset.take(rows))
    answers = model(core)["probabilities"]
    assert answers.dtype == "float32"
    np.testing.assert_allclose(answers, outcome.fitted.model(core)["probabilities"], atol=1e-6)
    model.fit(core, dataset.y[rows], verbose=0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("image_cls", SMALL | {"conv.convolution": "modulated_deformable"}),
        ("text_cls", {"reader.kind": "transformer", "reader.units": 16}),
        ("fraud", {"members": "mlp"}),
        ("fraud", {"members": "mlp", "columns.numeric": "periodic", "trunk": "transformer"}),
    ],
)
def test_bfloat16_computes_nearly_what_float32_does(
    make: Callable[[str], Any], name: str, values: dict[str, Any]
) -> None:
    from suite.training import precision
    from suite.training.data import prepare

    dataset = make(name).dataset
    model = built(name, dataset, {**values, "training.precision": "mixed_bfloat16"})
    core = {key: rows[:8] for key, rows in prepare(registry.get(name), dataset).core.items()}
    mixed = np.asarray(model(core)["probabilities"])
    precision.to_float32(model)
    exact = np.asarray(model(core)["probabilities"])
    assert 0 < np.abs(mixed - exact).max() < 0.02
    plain = built(name, dataset, {**values, "training.precision": "float32"})
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(plain(core)["probabilities"], exact, atol=1e-6)
