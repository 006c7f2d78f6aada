from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.errors import UsageError


@pytest.fixture(scope="module")
def prepared(make: Callable[[str], Any]) -> Any:
    dataset = make("text_cls").dataset
    from suite.training.data import prepare

    return prepare(registry.get("text_cls"), dataset)


def order(batches: Any) -> list[int]:
    return np.concatenate([inputs["words"].numpy().sum(axis=1) for inputs, _, _ in batches.dataset()]).tolist()


def test_batches_hold_every_row_once_in_an_order_of_seed_and_epoch(prepared: Any) -> None:
    from suite.training.data import TrainingChunks

    batches = TrainingChunks(prepared, 16, seed=0)
    first = order(batches)
    batches.on_epoch_begin(1)
    second = order(batches)
    assert first != second
    assert sorted(first) == sorted(second) == sorted(prepared.split("train")["words"].sum(axis=1).tolist())
    resumed = TrainingChunks(prepared, 16, seed=0)
    resumed.on_epoch_begin(1)
    assert order(resumed) == second
    assert order(TrainingChunks(prepared, 16, seed=1)) != first


def test_rare_classes_can_weigh_more_or_come_more_often(prepared: Any) -> None:
    from dataclasses import replace

    from suite.training.data import TrainingChunks

    y = prepared.y.copy()
    train = prepared.rows["train"]
    y[train] = np.arange(len(train)) % 8 == 0
    skewed = replace(prepared, y=y)

    def seen(**how: float) -> tuple[np.ndarray, np.ndarray]:
        parts = [(targets.numpy(), w.numpy()) for _, targets, w in TrainingChunks(skewed, 16, seed=0, **how).dataset()]
        targets, weights = (np.concatenate(values) for values in zip(*parts, strict=True))
        return targets[:, 1], weights

    rare, weights = seen(class_weight=1.0)
    assert weights[rare == 1].sum() == pytest.approx(weights[rare == 0].sum())
    assert weights.mean() == pytest.approx(1.0)
    often, flat = seen(oversample=1.0)
    assert 0.35 < often.mean() < 0.65
    assert (flat == 1).all()


def test_preprocessing_learns_from_training_rows_only(make: Callable[[str], Any]) -> None:
    made = make("text_cls")
    seen = set(made.card.preprocessing["words"])
    from suite.preprocessing.mirror import text

    train = {word for row in made.dataset.rows["train"] for word in text.words(made.dataset.inputs["text"][row])}
    assert seen
    assert seen <= train


def test_progress_is_reported_to_the_last_step_of_every_epoch(prepared: Any) -> None:
    from suite.training import callbacks, fit, hyperparameters, model

    domain = registry.get("text_cls")
    hp = hyperparameters.resolve(lambda space: model.build(domain, space, prepared, 2), {})
    heard: list[Any] = []
    fit.fit(
        domain,
        hp,
        prepared,
        fit.TrainingSettings(2, 0, "accuracy"),
        callbacks=[callbacks.ProgressReporter(heard.append, "accuracy")],
    )
    ends = [report for report in heard if report.step == report.steps and "val_accuracy" in report.metrics]
    assert {report.epoch for report in ends} == {1, 2}
    assert all(report.epochs == 2 for report in heard)


def test_the_same_seed_trains_the_same_network(prepared: Any) -> None:
    from keras_tuner import HyperParameters

    from suite.training import fit

    domain = registry.get("text_cls")
    first, second, other = (
        fit.fit(domain, HyperParameters(), prepared, fit.TrainingSettings(2, seed, "accuracy")).model.get_weights()
        for seed in (0, 0, 1)
    )
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_an_unknown_hyperparameter_is_refused(prepared: Any) -> None:
    from suite import workflow

    with pytest.raises(UsageError, match=r"did you mean 'dense.depth'"):
        workflow.resolve_hyperparameters(registry.get("text_cls"), prepared, 1, {"dense.dept": 1})
