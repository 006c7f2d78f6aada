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


def test_batches_hold_every_row_once_and_differ_by_epoch_and_seed(prepared: Any) -> None:
    batches = prepared.batches("train", 16, seed=0)

    def order() -> list[Any]:
        return [np.concatenate([x["words"].numpy().sum(axis=1) for x, _ in batches]).tolist()]

    first, second = order(), order()
    assert first != second
    assert sorted(first[0]) == sorted(second[0]) == sorted(prepared.split("train")["words"].sum(axis=1).tolist())
    again = [x["words"].numpy().sum(axis=1) for x, _ in prepared.batches("train", 16, seed=0)]
    assert np.concatenate(again).tolist() == first[0]
    plain = np.concatenate([y.numpy() for _, y in prepared.batches("test", 7)])
    assert (plain == prepared.y[prepared.rows["test"]]).all()


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
    hp = hyperparameters.choose(lambda space: model.build(domain, space, prepared, 2), {})
    heard: list[Any] = []
    fit.fit(domain, hp, prepared, epochs=2, seed=0, callbacks=[callbacks.Report(heard.append)])
    ends = [report for report in heard if report.step == report.steps and "val_accuracy" in report.metrics]
    assert {report.epoch for report in ends} == {1, 2}
    assert all(report.epochs == 2 for report in heard)


def test_the_same_seed_trains_the_same_network(prepared: Any) -> None:
    from keras_tuner import HyperParameters

    from suite.training import fit

    domain = registry.get("text_cls")
    first, second, other = (
        fit.fit(domain, HyperParameters(), prepared, epochs=2, seed=seed).model.get_weights() for seed in (0, 0, 1)
    )
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_an_unknown_hyperparameter_is_refused(prepared: Any) -> None:
    from suite import workflow

    with pytest.raises(UsageError, match=r"did you mean 'dense.units'"):
        workflow.choose(registry.get("text_cls"), prepared, 1, {"dense.unit": 32})
