"""Base models of tables: out-of-fold scores, weights, and the network that holds them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.data.dataset import Dataset
from suite.training import thinning

DOMAIN = registry.get("table")


def prepared_of(dataset: Dataset) -> Any:
    from suite.training.data import prepare

    return prepare(DOMAIN, dataset)


def fitted(dataset: Dataset, members: str, epochs: int = 2) -> tuple[Any, Any]:
    from suite import workflow
    from suite.training.fit import TrainingSettings

    prepared = prepared_of(dataset)
    hp = workflow.resolve_hyperparameters(DOMAIN, prepared, epochs, {"members": members})
    return prepared, workflow.train(DOMAIN, dataset, prepared, hp, TrainingSettings(epochs, 0, prepared.task.objective))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_exported_network_computes_the_scores_that_it_learned_from(task: str) -> None:
    import keras

    dataset = DOMAIN.example(task)
    # Values that are missing, and among training rows too.
    name = next(spec.name for spec in dataset.specs if spec.kind == "numeric")
    dataset.inputs[name] = np.where(np.arange(len(dataset.y)) % 5 == 0, np.nan, dataset.inputs[name])
    prepared, trained = fitted(dataset, "trees+linear+mlp")
    model = trained.fitted.model
    assert set(model.input) == set(prepared.core)
    assert model.optimizer is not None
    # Validation rows had the scores of models of all training rows, which are those that the network holds.
    rows = dataset.rows["validation"]
    held = keras.Model(model.input, model.get_layer("base_models").output)
    found = np.asarray(held({key: values[rows] for key, values in prepared.core.items()}))
    np.testing.assert_allclose(found, prepared.base.scores(["trees", "linear"])[rows], atol=1e-5)
    assert list(trained.members) == ["trees", "linear", "trees+linear", "trees+linear+mlp"]


def test_a_row_is_scored_by_models_that_did_not_see_it() -> None:
    dataset = DOMAIN.example()
    rows = dataset.rows["train"]
    before = prepared_of(dataset).base.scores(["trees", "linear"])
    # Another truth of one row changes no score of its own, and some of others.
    changed = dataset.y.copy()
    changed[rows[0]] = (changed[rows[0]] + 1) % len(dataset.labels)
    base = prepared_of(dataset).base
    folds = base._folds
    base._truth = changed
    after = base.scores(["trees", "linear"])
    assert base._folds == folds
    assert (after != before)[rows[1:]].any()
    mine = next(part for _, part in folds if rows[0] in part)
    np.testing.assert_array_equal(after[mine, 2], before[mine, 2])


def test_trees_of_other_folds_score_a_row() -> None:
    from suite.training import boosting

    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3)).astype(np.float32)
    y = (x[:, 0] + generator.normal(size=200) > 0).astype(np.int32)
    part = np.arange(200) % 4
    folds = [(np.flatnonzero(part != one), np.flatnonzero(part == one)) for one in range(4)]
    changed = y.copy()
    changed[0] = 1 - y[0]
    for kind in boosting.KINDS:
        before, after = (
            boosting.out_of_fold(boosting.TreeData(x, truth, 0, {}, "binary", 1), kind, folds, 10)[0]
            for truth in (y, changed)
        )
        np.testing.assert_array_equal(after[part == 0], before[part == 0])
        assert (after[part == 1] != before[part == 1]).any()


def test_a_fold_may_lack_a_class() -> None:
    """The positive rows are all of one group, or of one period."""
    dataset = DOMAIN.example()
    rows = dataset.rows["train"]
    one_class = dataset.y == dataset.y[rows[0]]
    groups = np.where(one_class, 0, 1 + np.arange(len(one_class)) % 9)
    order = np.argsort(~one_class, kind="stable")
    for part in (replace(dataset, groups=groups), replace(dataset, order=order)):
        base = prepared_of(part).base
        assert np.isfinite(base.scores(["trees", "linear"])).all()
    # A single positive row to learn from.
    alone = np.zeros(len(dataset.y), np.int32)
    alone[[rows[0], *(split[0] for name, split in dataset.rows.items() if name != "train")]] = 1
    two = replace(dataset, y=alone, labels=["no", "yes"])
    assert np.isfinite(prepared_of(two).base.scores(["trees", "linear"])).all()


def test_a_retraining_has_base_models_if_the_training_has() -> None:
    dataset = DOMAIN.example()
    for size in range(70, 100, 4):
        some = dataset.sample(size)
        more = replace(some, rows={**some.rows, "train": some.known_rows})
        assert (prepared_of(some).base is None) == (prepared_of(more).base is None)


@pytest.mark.parametrize("members", ["mlp", "linear+mlp", "trees"])
def test_members_can_be_left_out(members: str) -> None:
    _, trained = fitted(DOMAIN.example(), members, epochs=1)
    names = {layer.name for layer in trained.fitted.model.layers}
    assert ("trees" in names) is ("trees" in members)
    assert ("mlp_0" in names) is ("mlp" in members)
    assert bool(trained.members) is (members != "mlp")


def test_weights_are_the_best_that_are_not_negative() -> None:
    from suite.training.base_models import best_weights

    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 500).astype(np.int32)
    good = 2.0 * np.eye(3)[truth] + generator.normal(size=(500, 3))
    wrong, noise = -good, generator.normal(size=(500, 3))
    weights = best_weights(np.stack([good, noise, wrong], axis=1).astype(np.float32), truth)
    assert weights[0] > 1
    assert weights[1] < 0.1
    assert weights[2] == pytest.approx(0, abs=1e-6)
    number = generator.normal(size=500)
    scores = np.stack([0.5 * number, generator.normal(size=500)], axis=1)[..., None]
    assert best_weights(scores, number) == pytest.approx([2, 0], abs=1e-3)


def test_few_rows_have_no_base_models() -> None:
    few = DOMAIN.example().sample(40)
    assert prepared_of(few).base is None


def test_an_epoch_of_a_rare_class_sees_all_of_it_and_counts_the_rest_in_full() -> None:
    y = np.zeros(60_000, np.int32)
    y[:100] = 1
    rows = np.arange(60_000)
    assert thinning.applies(y, rows)
    assert not thinning.applies(y[:40_000], rows[:40_000])
    assert not thinning.applies(np.arange(60_000, dtype=np.int32) % 2, rows)
    scores = np.linspace(0, 1, 60_000)
    thin = thinning.hard_rows(y, rows, scores)
    drawn = thin.draw(np.random.default_rng(0))
    assert len(drawn) == len(set(drawn)) == thin.rows == thinning.rows_of_epoch(y, rows) < 6_000
    assert set(range(100)) <= set(drawn)
    assert set(range(60_000 - thinning.HARDEST, 60_000)) <= set(drawn)
    weights = thin.weights(len(y))
    assert weights[drawn].mean() == pytest.approx(1, abs=1e-3)
    common = drawn[y[drawn] == 0]
    assert weights[common].sum() / weights[:100].sum() == pytest.approx(59_900 / 100, rel=1e-2)
