import numpy as np
import pytest

from suite.training import calibration


def sharpened(power: float, rows: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from known probabilities, and those probabilities with their logits times `power`."""
    generator = np.random.default_rng(0)
    true = generator.dirichlet(np.ones(3), rows)
    y = np.array([generator.choice(3, p=row) for row in true])
    powered = true**power
    return y, powered / powered.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("power", [0.15, 0.5, 1.0, 2.0, 3.0, 6.0])
def test_the_temperature_measures_overconfidence(power: float) -> None:
    assert calibration.temperature(*sharpened(power)) == pytest.approx(power, rel=0.1)


def test_a_temperature_at_its_bound_gives_a_note() -> None:
    y = np.arange(200) % 3
    right = np.full((200, 3), 0.2)
    right[np.arange(200), y] = 0.6
    (note,) = calibration.bound_notes(calibration.temperature(y, right))
    assert "as sure as it may (a temperature of 0.1)" in note
    assert "Train for more --epochs" in note
    (note,) = calibration.bound_notes(calibration.temperature(y, np.roll(right, 1, axis=1)))
    assert "as unsure as it may (a temperature of 10)" in note
    assert "Bring more rows, train for fewer --epochs" in note
    assert calibration.bound_notes(calibration.temperature(*sharpened(2.0))) == []


def test_few_rows_give_a_temperature_of_one() -> None:
    assert calibration.temperature(*sharpened(3.0, rows=50)) == 1.0


def test_the_head_applies_the_temperature_only_outside_training() -> None:
    import keras

    from suite.blocks import heads

    x = keras.Input((4,))
    model = keras.Model(x, heads.classification(x, 3))
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    plain = model(rows)["probabilities"].numpy()
    model.get_layer("probabilities").temperature.assign(2.0)
    expected = np.sqrt(plain) / np.sqrt(plain).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(rows)["probabilities"].numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(model(rows, training=True)["probabilities"].numpy(), plain, atol=1e-6)


def test_the_members_of_an_ensemble_are_trained_independently() -> None:
    import keras
    from keras import ops

    from suite.blocks import heads
    from suite.training.losses import FocalCrossEntropy

    x = keras.Input((3, 4))
    model = keras.Model(x, heads.classification(x, 2))
    members = keras.Model(x, model.get_layer("softmax").output)
    rows = np.random.default_rng(0).normal(size=(6, 3, 4)).astype(np.float32)
    y = ops.one_hot(np.array([0, 1, 1, 0, 1, 0]), 2)
    each = [FocalCrossEntropy()(y, members(rows)[:, member]) for member in range(3)]
    whole = FocalCrossEntropy()(y, model(rows, training=True)["probabilities"])
    assert float(whole) == pytest.approx(np.mean([float(loss) for loss in each]), rel=1e-5)
    np.testing.assert_allclose(model(rows)["probabilities"], ops.mean(members(rows), axis=1), atol=1e-6)
