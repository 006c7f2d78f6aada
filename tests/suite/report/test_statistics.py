import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from suite.report import statistics
from suite.report.statistics import Predictions
from suite.training import evaluate

GENERATOR = np.random.default_rng(1)
Y = (GENERATOR.random(400) < 0.3).astype(np.int64)
# Rounded, so that some scores are equal.
SCORES = np.round(np.clip(0.3 * Y + GENERATOR.random(400) * 0.7, 0, 1), 2)
P = np.stack([1 - SCORES, SCORES], axis=1)


@pytest.mark.parametrize("threshold", [None, 0.4])
def test_headline_metrics_equal_those_of_the_card(threshold: float | None) -> None:
    answers = Predictions(Y, P, threshold)
    card = evaluate.evaluate(Y, P, threshold)
    found = {name: metric(answers)(np.ones(400)) for name, metric in statistics.headline_metrics(answers).items()}
    assert set(found) >= {"accuracy", "average_precision", "roc_auc", "precision", "recall"}
    assert found == pytest.approx({name: card[name] for name in found}, abs=1e-6)
    three = Predictions(GENERATOR.integers(0, 2, 200), GENERATOR.dirichlet(np.ones(3), 200))
    card = evaluate.evaluate(three.y, three.probabilities)
    for name, metric in statistics.headline_metrics(three).items():
        assert metric(three)(np.ones(200)) == pytest.approx(card[name], abs=1e-6)


def test_a_count_of_two_equals_a_repeated_row() -> None:
    counts = GENERATOR.integers(0, 3, 400)
    rows = np.repeat(np.arange(400), counts)
    answers = Predictions(Y, P, 0.4)
    repeated = evaluate.evaluate(Y[rows], P[rows], 0.4)
    for name, metric in statistics.headline_metrics(answers).items():
        assert metric(answers)(counts.astype(float)) == pytest.approx(repeated[name], abs=1e-6), name


def test_with_one_class_there_is_nothing_to_rank() -> None:
    answers = Predictions(np.zeros(30, int), P[:30], 0.4)
    assert not {"roc_auc", "average_precision"} & set(statistics.headline_metrics(answers))
    found = statistics.bootstrap({"roc_auc": statistics.roc_auc}, answers)["roc_auc"]
    assert np.isnan([found.value, found.low, found.high]).all()


def test_the_accuracy_interval_matches_that_of_a_share() -> None:
    found = statistics.bootstrap({"accuracy": statistics.accuracy}, Predictions(Y, P, 0.5))["accuracy"]
    half = 1.96 * np.sqrt(found.value * (1 - found.value) / len(Y))
    assert found.low == pytest.approx(found.value - half, abs=0.01)
    assert found.high == pytest.approx(found.value + half, abs=0.01)
    low, high = statistics.wilson(found.value * 400, 400)
    assert (low, high) == pytest.approx((found.low, found.high), abs=0.01)


def test_wilson_against_a_textbook_value() -> None:
    assert statistics.wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-3)
    assert statistics.wilson(0, 0) == (0, 1)


def test_paired_models_that_hardly_differ_have_a_narrow_interval() -> None:
    nearly = P.copy()
    nearly[:3] = nearly[:3, ::-1]
    chosen = {"accuracy": statistics.accuracy, "roc_auc": statistics.roc_auc}
    paired = statistics.paired_bootstrap(chosen, Predictions(Y, P, 0.5), Predictions(Y, nearly, 0.5))["accuracy"]
    alone = statistics.bootstrap(chosen, Predictions(Y, P, 0.5))["accuracy"]
    assert paired.high - paired.low < (alone.high - alone.low) / 3
    same = statistics.paired_bootstrap(chosen, Predictions(Y, P, 0.5), Predictions(Y, P, 0.5))["roc_auc"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_mcnemar_by_hand_and_by_scipy() -> None:
    def answers(wrong: slice, rows: int) -> np.ndarray:
        right = np.ones(rows, bool)
        right[wrong] = False
        return right

    found = statistics.mcnemar(answers(slice(0, 9), 20), answers(slice(9, 10), 20))
    assert (found.only_first, found.only_second) == (1, 9)
    assert found.p == pytest.approx(2 * (1 + 10) / 2**10)
    many = statistics.mcnemar(answers(slice(0, 2_000), 9_000), answers(slice(2_000, 4_100), 9_000))
    assert many.p == pytest.approx(binomtest(2_000, 4_100, 0.5).pvalue)
    assert statistics.mcnemar(answers(slice(0, 9), 20), answers(slice(0, 9), 20)).p == 1.0


def test_confusion_is_that_of_scikit_learn() -> None:
    answers = Predictions(Y, P, 0.4)
    np.testing.assert_array_equal(statistics.confusion(answers), metrics.confusion_matrix(Y, answers.predicted))
