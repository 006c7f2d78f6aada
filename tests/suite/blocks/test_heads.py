"""The heads against their formulas in NumPy, and `binary` through the whole shared path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.artifact import PROBABILITIES
from suite.data.dataset import Dataset

MEMBERS, FEATURES, CLASSES = 4, 6, 3
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(5, FEATURES)).astype(np.float32)
OF_MEMBERS = RNG.normal(size=(5, MEMBERS, FEATURES)).astype(np.float32)


def model_of(head: Callable[[Any], Any], members: bool = False) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input(OF_MEMBERS.shape[1:] if members else (FEATURES,))
    model = keras.Model(x, head(x))
    for weight in model.trainable_variables:
        weight.assign(RNG.normal(size=weight.shape))
    return model


def answer(model: Any, rows: np.ndarray, training: bool = False) -> np.ndarray:
    return np.asarray(model(rows, training=training)[PROBABILITIES])


def logits(model: Any, name: str, rows: np.ndarray) -> np.ndarray:
    kernel, bias = (np.asarray(weight) for weight in model.get_layer(name).weights)
    if rows.ndim == 3:
        kernel, bias = kernel.reshape(*kernel.shape[:2], -1), bias.reshape(len(bias), -1)
    return np.asarray(np.einsum("nf,fc->nc" if rows.ndim == 2 else "nmf,mfc->nmc", rows, kernel) + bias)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-z.astype(np.float64))))


def softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z.astype(np.float64))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def test_classification_is_a_softmax_and_of_members_their_mean() -> None:
    from suite.blocks import heads

    model = model_of(lambda x: heads.classification(x, CLASSES))
    np.testing.assert_allclose(answer(model, ROWS), softmax(logits(model, "softmax", ROWS)), atol=1e-6)
    model = model_of(lambda x: heads.classification(x, CLASSES), members=True)
    each = softmax(logits(model, "softmax", OF_MEMBERS))
    np.testing.assert_allclose(answer(model, OF_MEMBERS), each.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(answer(model, OF_MEMBERS, True), np.exp(np.log(each).mean(axis=1)), atol=1e-6)


def test_binary_is_both_sides_of_one_sigmoid() -> None:
    from suite.blocks import heads

    model = model_of(heads.binary)
    p = sigmoid(logits(model, "logit", ROWS))
    np.testing.assert_allclose(answer(model, ROWS), np.concatenate([1 - p, p], axis=1), atol=1e-6)
    model = model_of(heads.binary, members=True)
    p = sigmoid(logits(model, "logit", OF_MEMBERS)).mean(axis=1)
    np.testing.assert_allclose(answer(model, OF_MEMBERS), np.concatenate([1 - p, p], axis=1), atol=1e-6)


def test_binary_of_members_has_a_light_model() -> None:
    from suite.blocks import heads
    from suite.training import export

    assert export.litert(model_of(heads.binary, members=True)) is not None


def test_binary_equals_a_softmax_of_zero_and_its_logit() -> None:
    from suite.blocks import heads

    one, two = model_of(heads.binary), model_of(lambda x: heads.classification(x, 2))
    kernel, bias = one.get_layer("logit").get_weights()
    two.get_layer("softmax").set_weights([np.hstack([0 * kernel, kernel]), np.hstack([0 * bias, bias])])
    for training in (False, True):
        np.testing.assert_allclose(answer(one, ROWS, training), answer(two, ROWS, training), atol=1e-6)
    for model in (one, two):
        model.get_layer(PROBABILITIES).temperature.assign(2.0)
    np.testing.assert_allclose(answer(one, ROWS), answer(two, ROWS), atol=1e-6)
    np.testing.assert_allclose(answer(one, ROWS)[:, 1], sigmoid(logits(one, "logit", ROWS) / 2)[:, 0], atol=1e-6)


def test_binary_keeps_the_digits_of_a_tiny_probability() -> None:
    from suite.blocks import heads

    model = model_of(heads.binary)
    model.get_layer("logit").set_weights([np.zeros((FEATURES, 1)), np.array([30.0])])
    np.testing.assert_allclose(answer(model, ROWS, training=True)[:, 0], np.exp(-30.0), rtol=1e-5)


def test_multi_label_probabilities_are_independent() -> None:
    from suite.blocks import heads

    model = model_of(lambda x: heads.multi_label(x, CLASSES))
    np.testing.assert_allclose(answer(model, ROWS), sigmoid(logits(model, "logits", ROWS)), atol=1e-6)
    model.get_layer(PROBABILITIES).temperature.assign(2.0)
    np.testing.assert_allclose(answer(model, ROWS), sigmoid(logits(model, "logits", ROWS) / 2), atol=1e-6)
    model = model_of(lambda x: heads.multi_label(x, CLASSES), members=True)
    z = logits(model, "logits", OF_MEMBERS)
    np.testing.assert_allclose(answer(model, OF_MEMBERS), sigmoid(z).mean(axis=1), atol=1e-6)


def test_multi_label_begins_as_the_offset_that_it_corrects() -> None:
    import keras

    from suite.blocks import heads

    offset = RNG.normal(size=(5, CLASSES)).astype(np.float32)
    x, scores = keras.Input(OF_MEMBERS.shape[1:]), keras.Input((CLASSES,))
    model = keras.Model([x, scores], heads.multi_label(x, CLASSES, scores))
    np.testing.assert_allclose(model([OF_MEMBERS, offset])[PROBABILITIES], sigmoid(offset), atol=1e-6)


def test_members_of_a_multi_label_ensemble_train_as_they_would_alone() -> None:
    from suite.blocks import heads
    from suite.training.losses import LabelCrossEntropy

    model = model_of(lambda x: heads.multi_label(x, CLASSES), members=True)
    each = sigmoid(logits(model, "logits", OF_MEMBERS))
    y = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0]], np.float32)
    alone = -np.where(y[:, None], np.log(each), np.log(1 - each)).mean()
    loss = LabelCrossEntropy()
    assert float(loss(y, answer(model, OF_MEMBERS, training=True))) == pytest.approx(alone, rel=1e-5)
    one = np.array([[0.8, 0.3, 0.5]], np.float32)
    assert float(loss(y[:1], one)) == pytest.approx(-np.log([0.8, 0.7, 0.5]).mean(), rel=1e-5)
    smoothed = float(LabelCrossEntropy(label_smoothing=0.2)(y[:1, :1], one[:, :1]))
    assert smoothed == pytest.approx(-(0.9 * np.log(0.8) + 0.1 * np.log(0.2)), rel=1e-5)


def test_multi_label_trains_by_binary_cross_entropy() -> None:
    from suite.blocks import heads

    model = model_of(lambda x: heads.multi_label(x, CLASSES))
    targets = (ROWS[:, :CLASSES] > 0).astype(np.float32)
    model.compile("adam", "binary_crossentropy")
    model.optimizer.learning_rate = 0.1
    model.fit(ROWS, targets, epochs=60, verbose=0)
    assert ((answer(model, ROWS) > 0.5) == targets).all()


@pytest.fixture
def table(make: Callable[[str], Any]) -> Dataset:
    dataset: Dataset = make("fraud").dataset
    return dataset


def test_a_domain_with_the_binary_head_trains_calibrates_and_exports(table: Dataset, tmp_path: Path) -> None:
    import keras

    from suite import saving, workflow
    from suite.blocks import dense, heads
    from suite.domains.fraud import FraudDetection
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings

    class YesOrNo(FraudDetection):
        def build(self, hp: Any, preprocessing: dict[str, Any], classes: int) -> keras.Model:
            inputs = {"features": keras.Input((prepared.core["features"].shape[1],), name="features")}
            return keras.Model(inputs, heads.binary(dense.multilayer(hp, inputs["features"], "dense")))

    domain = YesOrNo()
    prepared = prepare(domain, table)
    hp = workflow.resolve_hyperparameters(domain, prepared, 3, {})
    outcome = workflow.train(domain, table, prepared, hp, TrainingSettings(3, 0, prepared.task.objective))
    _, card = saving.save(tmp_path, "yes-or-no", outcome, command="suite fit")
    assert card.engines["litert"]["max_abs_diff"] < 1e-5, card.notes
    assert outcome.fitted.history["loss"][-1] < outcome.fitted.history["loss"][0]
