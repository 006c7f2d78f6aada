import keras
import numpy as np
import pytest

from suite.training.losses import FocalCrossEntropy

Y = np.eye(3, dtype=np.float32)[[0, 2]]
P = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], np.float32)


def test_without_more_it_is_keras_cross_entropy() -> None:
    assert float(FocalCrossEntropy()(Y, P)) == pytest.approx(float(keras.losses.CategoricalCrossentropy()(Y, P)))
    assert float(FocalCrossEntropy()(np.array([0, 2]), P)) == pytest.approx(float(FocalCrossEntropy()(Y, P)))


def test_smoothing_and_focus_by_hand() -> None:
    smoothed = FocalCrossEntropy(label_smoothing=0.3)(Y[:1], P[:1])
    assert float(smoothed) == pytest.approx(-(0.8 * np.log(0.7) + 0.1 * np.log(0.2) + 0.1 * np.log(0.1)), rel=1e-5)
    focal = FocalCrossEntropy(gamma=2.0)(Y, P)
    assert float(focal) == pytest.approx(-np.mean([0.3**2 * np.log(0.7), 0.6**2 * np.log(0.4)]), rel=1e-5)


def test_it_is_restored_from_its_config() -> None:
    again = FocalCrossEntropy.from_config(FocalCrossEntropy(0.1, 1.5).get_config())
    assert (again.label_smoothing, again.gamma) == (0.1, 1.5)
