"""Trees as tensors answer as LightGBM does: missing values, categories, unknown categories and rounding included."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROWS, CATEGORIES = 400, 7


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray]:
    """Two features, the first one with a mark of where it is missing, and a column of categories."""
    generator = np.random.default_rng(3)
    features = generator.normal(size=(ROWS, 3)).astype(np.float32)
    features[:, 1] = generator.random(ROWS) < 0.3
    features[features[:, 1] == 1, 0] = 0
    return {
        "features": features,
        "categories": generator.integers(0, CATEGORIES, (ROWS, 1)).astype(np.int32),
        "noise": generator.normal(size=ROWS),
    }


def grown(table: dict[str, np.ndarray], objective: str, scores: int) -> tuple[Any, Any]:
    """A forest of each kind, as LightGBM and as tensors; what they are of, with missing features as NaN."""
    from suite.training import boosting

    features = boosting.on_grid(table["features"])
    x = np.concatenate([features, table["categories"]], axis=1).astype(np.float32)
    x[x[:, 1] == 1, 0] = np.nan
    number = np.nan_to_num(x[:, 0], nan=2.0) + x[:, 2] * (x[:, 3] % 3 - 1) + 0.3 * table["noise"]
    y = (
        number
        if objective == "regression"
        else np.digitize(number, np.quantile(number, [0.3, 0.7][: max(1, scores - 1)]))
    )
    data = boosting.TreeData(x, y, 1, {0: 1}, objective, scores)
    boosters = [boosting.train(data, kind, np.arange(ROWS), 20) for kind in boosting.KINDS]
    forest = boosting.forest(boosters, data, [CATEGORIES])
    return np.concatenate([boosting.predict(booster, x) for booster in boosters], axis=1), forest


def network(forest: Any, table: dict[str, np.ndarray]) -> Any:
    import keras

    from suite.blocks.trees import Trees

    inputs = {
        "features": keras.Input((3,), name="features"),
        "categories": keras.Input((1,), dtype="int32", name="categories"),
    }
    return keras.Model(inputs, {"scores": Trees.of(forest, inputs, "trees")})


@pytest.mark.parametrize(("objective", "scores"), [("binary", 1), ("multiclass", 3), ("regression", 1)])
def test_the_layer_answers_as_lightgbm(table: dict[str, np.ndarray], objective: str, scores: int) -> None:
    expected, forest = grown(table, objective, scores)
    core = {key: table[key] for key in ("features", "categories")}
    found = np.asarray(network(forest, table)(core)["scores"])
    assert found.shape == (ROWS, 2 * scores)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_missing_value_that_was_never_seen_is_a_zero_as_in_lightgbm(table: dict[str, np.ndarray]) -> None:
    from suite.training import boosting

    features = boosting.on_grid(np.where([True, False, True], np.random.default_rng(0).normal(size=(ROWS, 3)), 0))
    x = np.concatenate([features, table["categories"]], axis=1).astype(np.float32)
    data = boosting.TreeData(x, features[:, 0] + features[:, 2], 1, {0: 1}, "regression", 1)
    booster = boosting.train(data, "best splits", np.arange(ROWS), 20)
    marked = features.copy()
    marked[:, 0], marked[:, 1] = 0, 1
    missing = np.concatenate([marked, table["categories"]], axis=1).astype(np.float32)
    missing[:, 0] = np.nan
    core = {"features": marked, "categories": table["categories"]}
    found = np.asarray(network(boosting.forest([booster], data, [CATEGORIES]), table)(core)["scores"])
    np.testing.assert_allclose(found, boosting.predict(booster, missing), atol=1e-5)


def test_the_light_model_and_the_keras_file_hold_the_same_trees(table: dict[str, np.ndarray], tmp_path: Path) -> None:
    import keras
    from ai_edge_litert.interpreter import Interpreter

    expected, forest = grown(table, "binary", 1)
    model = network(forest, table)
    core = {key: table[key] for key in ("features", "categories")}
    model.save(tmp_path / "trees.keras")
    loaded = keras.models.load_model(tmp_path / "trees.keras")
    np.testing.assert_allclose(np.asarray(loaded(core)["scores"]), expected, atol=1e-5)
    model.export(tmp_path / "trees.tflite", format="litert", verbose=False)
    run = Interpreter(str(tmp_path / "trees.tflite")).get_signature_runner()
    np.testing.assert_allclose(run(**core)["scores"], expected, atol=1e-5)


@given(st.floats(-90, 90, width=32), st.floats(-90, 90))
def test_features_are_parted_as_they_are_after_rounding(feature: float, threshold: float) -> None:
    from suite.training import boosting

    raw = np.array([[feature]], np.float32)
    assert (raw <= np.float32(boosting.threshold_beside_grid(threshold))) == (
        boosting.on_grid(raw).astype(np.float64) <= threshold
    )


@pytest.mark.parametrize("threshold", [1e-35, -1e-35, 0.0])
def test_zero_is_far_from_a_threshold_beside_it(threshold: float) -> None:
    from suite.training import boosting

    assert abs(boosting.threshold_beside_grid(threshold)) == boosting.GRID / 2


def test_trees_without_a_condition_have_their_constant(table: dict[str, np.ndarray]) -> None:
    from suite.training import boosting

    x = np.zeros((ROWS, 4), np.float32)
    data = boosting.TreeData(x, np.arange(ROWS) % 4 == 0, 1, {}, "binary", 1)
    booster = boosting.train(data, "best splits", np.arange(ROWS), 2)
    forest = boosting.forest([booster], data, [CATEGORIES])
    core = {key: table[key] for key in ("features", "categories")}
    found = np.asarray(network(forest, table)(core)["scores"])
    np.testing.assert_allclose(found, boosting.predict(booster, x), atol=1e-6)
    assert found[0, 0] == pytest.approx(np.log(1 / 3), abs=1e-3)
