import pytest

from suite.errors import UsageError
from suite.search_record import Objective, Trial
from tuning import trial_selection

ACCURACY, LATENCY = Objective("val_accuracy", "max"), Objective("latency", "min")
TRIALS = [
    Trial(0, "completed", {}, 0.90, scores={"val_accuracy": 0.90, "latency": 3.0}),
    Trial(1, "completed", {}, 0.898, scores={"val_accuracy": 0.898, "latency": 1.0}),
    Trial(2, "completed", {}, 0.80, scores={"val_accuracy": 0.80, "latency": 0.1}),
    Trial(3, "failed", {}),
]


def test_without_a_rule_the_best_wins() -> None:
    assert trial_selection.select(None, [ACCURACY], TRIALS).id == 0


def test_networks_are_compared_with_those_that_were_trained_as_long() -> None:
    def trial(number: int, score: float, epochs: int, stage: str) -> Trial:
        return Trial(number, "completed", {}, score, scores={"val_accuracy": score}, epochs=epochs, stage=stage)

    short = [trial(7, 0.9, 2, "open"), trial(2, 0.8, 6, "open"), trial(3, 0.7, 6, "open"), trial(4, 0.95, 9, "stopped")]
    full = [trial(5, 0.6, 20, "finished"), trial(6, 0.65, 12, "finished")]
    assert trial_selection.select(None, [ACCURACY], [*short, *full]).id == 6
    assert trial_selection.select(None, [ACCURACY], short[:3]).id == 2
    # One that is finished has beaten the default network, or none has.
    assert trial_selection.contender([ACCURACY], [*short, *full]) is None
    found = trial_selection.contender([ACCURACY], [*short, trial(1, 0.6, 20, "finished")])
    assert found
    assert found.id == 2


@pytest.mark.parametrize(("margin", "winner"), [(0.0, 0), (0.005, 1), (0.2, 2)])
def test_the_fastest_of_those_near_the_best_wins(margin: float, winner: int) -> None:
    assert (
        trial_selection.select(trial_selection.parse_rule("fastest-within", margin), [ACCURACY, LATENCY], TRIALS).id
        == winner
    )


def test_the_margin_is_above_the_best_for_a_minimised_objective() -> None:
    loss = Objective("val_log_loss", "min")
    trials = [
        Trial(0, "completed", {}, 0.50, scores={"val_log_loss": 0.50, "latency": 3.0}),
        Trial(1, "completed", {}, 0.51, scores={"val_log_loss": 0.51, "latency": 1.0}),
    ]
    assert trial_selection.select(trial_selection.parse_rule("fastest-within", 0.03), [loss, LATENCY], trials).id == 1
    assert trial_selection.select(trial_selection.parse_rule("fastest-within", 0.01), [loss, LATENCY], trials).id == 0


def test_a_rule_adds_its_cost_to_the_objectives() -> None:
    rule = trial_selection.parse_rule("smallest-within", 0.01)
    assert [one.name for one in trial_selection.with_cost_of(rule, [ACCURACY])] == ["val_accuracy", "size"]
    assert trial_selection.with_cost_of(trial_selection.parse_rule("fastest-within", 0.01), [ACCURACY, LATENCY]) == [
        ACCURACY,
        LATENCY,
    ]
    with pytest.raises(UsageError, match="measured no size"):
        trial_selection.select(rule, [ACCURACY, LATENCY], TRIALS)
