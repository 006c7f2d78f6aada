import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.report import statistics
from suite.report.statistics import Predictions
from suite.training import evaluate

Y = np.array([0, 0, 1, 1])
P = np.array([[0.9, 0.1], [0.4, 0.6], [0.35, 0.65], [0.2, 0.8]])


def test_figures_by_hand() -> None:
    found = evaluate.evaluate(Y, P)
    assert found["accuracy"] == 0.75
    assert found["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["recall"] == 1
    assert found["roc_auc"] == 1
    assert found["average_precision"] == 1
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.1225 + 0.04) / 4, abs=1e-6)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.65, 0.8]).mean(), abs=1e-6)


def test_the_threshold_decides() -> None:
    threshold = 0.65
    assert evaluate.evaluate(Y, P, threshold)["accuracy"] == 1
    assert statistics.confusion(Predictions(Y, P, threshold)).tolist() == [[2, 0], [0, 2]]
    assert statistics.confusion(Predictions(Y, P, None)).tolist() == [[1, 1], [0, 2]]


def test_one_class_only_has_no_ranking() -> None:
    found = evaluate.evaluate(np.zeros(4, int), P)
    assert "roc_auc" not in found
    assert found["accuracy"] == 0.25


def test_a_certain_mistake_has_a_finite_loss() -> None:
    assert np.isfinite(evaluate.evaluate(np.array([1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]))["log_loss"])


def test_perfect_calibration_is_zero_and_false_certainty_is_not() -> None:
    sure = np.tile([0.8, 0.2], (10, 1))
    assert evaluate.calibration_error(np.array([0] * 8 + [1] * 2), sure) == pytest.approx(0)
    assert evaluate.calibration_error(np.ones(10, int), sure) == pytest.approx(0.8)


@given(st.integers(2, 5), st.integers(5, 40), st.integers(0, 99))
def test_every_figure_is_a_number_in_its_range(classes: int, rows: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), rows)
    found = evaluate.evaluate(generator.integers(0, classes, rows), probabilities)
    for name, value in found.items():
        assert 0 <= value <= (1 if name != "log_loss" else 17), name
