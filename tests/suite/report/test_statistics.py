import numpy as np
import pytest
from sklearn import metrics

from suite.report import statistics
from suite.report.statistics import Contender

GENERATOR = np.random.default_rng(1)
Y = (GENERATOR.random(400) < 0.3).astype(np.int64)
SCORES = np.clip(0.3 * Y + GENERATOR.random(400) * 0.7, 0, 1)
P = np.stack([1 - SCORES, SCORES], axis=1)


def test_metrics_are_those_of_scikit_learn() -> None:
    three = GENERATOR.dirichlet(np.ones(3), 200)
    y = GENERATOR.integers(0, 3, 200)
    assert statistics.macro_f1(y, three, None) == pytest.approx(
        metrics.f1_score(y, three.argmax(axis=1), average="macro")
    )
    assert statistics.log_loss(y, three, None) == pytest.approx(metrics.log_loss(y, three))
    assert statistics.accuracy(Y, P, 0.4) == pytest.approx(((SCORES >= 0.4) == Y).mean())


def test_the_interval_is_that_of_a_share() -> None:
    found = statistics.bootstrap(statistics.accuracy, Y, P, 0.5)
    half = 1.96 * np.sqrt(found.value * (1 - found.value) / len(Y))
    assert found.low == pytest.approx(found.value - half, abs=0.01)
    assert found.high == pytest.approx(found.value + half, abs=0.01)


def test_paired_models_that_hardly_differ_have_a_narrow_interval() -> None:
    nearly = P.copy()
    nearly[:3] = nearly[:3, ::-1]
    paired = statistics.paired_bootstrap(statistics.accuracy, Y, Contender(P, 0.5), Contender(nearly, 0.5))
    alone = statistics.bootstrap(statistics.accuracy, Y, P, 0.5)
    assert paired.high - paired.low < (alone.high - alone.low) / 3
    same = statistics.paired_bootstrap(statistics.roc_auc, Y, Contender(P, 0.5), Contender(P, 0.5))
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_mcnemar_by_hand() -> None:
    y = np.zeros(20, int)
    first, second = np.zeros(20, int), np.zeros(20, int)
    first[:9] = 1
    second[9] = 1
    found = statistics.mcnemar(y, first, second)
    assert (found.only_first, found.only_second) == (1, 9)
    assert found.p == pytest.approx(2 * (1 + 10) / 2**10)
    assert statistics.mcnemar(y, first, first).p == 1.0
