import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import UsageError
from suite.training import thresholds
from suite.training.thresholds import ErrorCosts, ThresholdRule

Y = np.array([0, 0, 1, 0, 1, 1])
SCORES = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.9])


@pytest.mark.parametrize(
    ("text", "expected"), [("f1", 0.3), ("f2", 0.3), ("f0.5", 0.7), ("precision>=0.75", 0.3), ("0.42", 0.42)]
)
def test_rules_by_hand(text: str, expected: float) -> None:
    assert thresholds.choose(ThresholdRule(text), Y, SCORES) == expected


def test_an_unreachable_precision_gives_a_note_and_the_highest_one() -> None:
    rule, y, scores = ThresholdRule("precision>=0.9"), np.array([0, 1, 1, 0]), np.array([0.9, 0.6, 0.5, 0.1])
    chosen = thresholds.choose(rule, y, scores)
    assert chosen == 0.5
    (note,) = thresholds.precision_shortfall(rule, y, scores, chosen)
    assert "precision of 0.9" in note
    assert "0.667" in note
    assert thresholds.precision_shortfall(ThresholdRule("precision>=0.6"), y, scores, chosen) == []
    assert thresholds.precision_shortfall(ThresholdRule("f1"), y, scores, chosen) == []


@pytest.mark.parametrize("text", ["f", "g1", "precision>=0", "precision>=1.5", "1.5", "", "f-1", "f0"])
def test_an_invalid_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no rule for a threshold"):
        thresholds.check_rule(ThresholdRule(text))


def cost(threshold: float, y: np.ndarray, scores: np.ndarray, missed: np.ndarray, alarm: float) -> float:
    found = scores >= threshold
    return float(missed[(y == 1) & ~found].sum() + alarm * ((y == 0) & found).sum())


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 50)), min_size=1, max_size=30),
    st.integers(0, 20),
)
def test_no_threshold_costs_less(rows: list[tuple[int, int, int]], alarm: int) -> None:
    y, tenths, missed = (np.array(column) for column in zip(*rows, strict=True))
    scores = tenths / 10
    chosen = thresholds.by_cost(y, scores, missed.astype(float), float(alarm))
    every = [*np.unique(scores), 1.1]
    least = min(cost(threshold, y, scores, missed, alarm) for threshold in every)
    assert cost(chosen, y, scores, missed, alarm) == least


def test_costs_of_the_rows_themselves_decide() -> None:
    rule = ThresholdRule(costs=ErrorCosts(false_positive=5.0, column="amount"))
    dear, cheap = np.array([0.0, 0, 100, 0, 1, 100]), np.array([0.0, 0, 1, 0, 1, 100])
    assert thresholds.choose(rule, Y, SCORES, dear) == 0.3
    assert thresholds.choose(rule, Y, SCORES, cheap) == 0.7
