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
    ("text", "expected"), [("f1", 0.25), ("f2", 0.25), ("f0.5", 0.65), ("precision>=0.75", 0.25), ("0.42", 0.42)]
)
def test_rules_by_hand(text: str, expected: float) -> None:
    assert thresholds.choose(ThresholdRule(text), Y, SCORES) == pytest.approx(expected, abs=1e-12)


def test_an_unreachable_precision_gives_a_note_and_the_highest_one() -> None:
    rule, y, scores = ThresholdRule("precision>=0.9"), np.array([0, 1, 1, 0]), np.array([0.9, 0.6, 0.5, 0.1])
    chosen = thresholds.choose(rule, y, scores)
    assert chosen == pytest.approx(0.3)
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
    assert thresholds.choose(rule, Y, SCORES, dear) == pytest.approx(0.25)
    assert thresholds.choose(rule, Y, SCORES, cheap) == pytest.approx(0.65)


RULES = [ThresholdRule("f1"), ThresholdRule("precision>=0.5"), ThresholdRule(costs=ErrorCosts(5.0, 1.0))]
SCORED = st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), min_size=2, max_size=30).filter(
    lambda rows: any(positive for positive, _ in rows)
)


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(rows=SCORED)
def test_a_threshold_lies_between_scores_and_flags_the_same_rows_in_every_precision(
    rule: ThresholdRule, rows: list[tuple[bool, float]]
) -> None:
    y, scores = np.array([row[0] for row in rows], int), np.array([row[1] for row in rows], np.float32)
    chosen = thresholds.choose(rule, y, scores)
    flagged = scores[scores >= chosen]
    assert (scores.astype(float) >= chosen).sum() == len(flagged)
    lower = scores[scores < chosen]
    room = np.nextafter(lower.max(), np.float32(1)) < flagged.min() if len(lower) and len(flagged) else False
    if room:
        assert lower.max() < chosen < flagged.min()
    elif not len(flagged):
        assert chosen > scores.max()


def extreme(positives: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes and scores of as many positive rows, which lie near 1, and of a hundred times as many others."""
    generator = np.random.default_rng(0)
    y = np.repeat([0, 1], [100 * positives, positives])
    return y, np.where(y == 1, 1 - generator.random(len(y)) / 50, generator.random(len(y)) * 0.97)


def test_an_extreme_threshold_of_few_positives_is_told_with_its_interval() -> None:
    rule = ThresholdRule("f1")
    chosen = thresholds.choose(rule, *extreme(20))
    assert chosen > 0.95
    (note,) = thresholds.few_positives_notes(rule, *extreme(20), chosen)
    assert "is unsure: it was chosen on 20 positive validation rows" in note
    assert "between 0.9" in note
    assert thresholds.few_positives_notes(rule, *extreme(20), 0.5) == []
    assert thresholds.few_positives_notes(ThresholdRule("0.99"), *extreme(20), 0.99) == []
    assert thresholds.few_positives_notes(rule, *extreme(60), thresholds.choose(rule, *extreme(60))) == []


@pytest.mark.parametrize("rule", [ThresholdRule(), ThresholdRule(costs=ErrorCosts(10, 1))])
def test_few_positives_choose_a_threshold_that_hangs_less_on_single_rows(rule: ThresholdRule) -> None:
    generator = np.random.default_rng(0)
    plain, smoothed = [], []
    for _ in range(20):
        y = (np.arange(300) < 12).astype(np.int64)
        scores = 1 / (1 + np.exp(3 - 2 * y - generator.normal(size=300)))
        plain.append(thresholds.choose(rule, y, scores))
        smoothed.append(thresholds.choose_smoothed(rule, y, scores))
        assert smoothed[-1] not in scores
    assert np.std(smoothed) < np.std(plain)


@pytest.mark.parametrize("text", ["precision>=0.9", "0.3"])
def test_what_was_asked_for_is_not_smoothed(text: str) -> None:
    y, scores = np.array([0, 0, 0, 1, 0, 1, 1]), np.linspace(0.1, 0.7, 7)
    rule = ThresholdRule(text)
    assert thresholds.choose_smoothed(rule, y, scores) == thresholds.choose(rule, y, scores)
