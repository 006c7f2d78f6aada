import pytest

from suite.search_record import Objective
from tuning.plan import SearchPlan

ACCURACY, LATENCY = Objective("val_accuracy", "max"), Objective("latency", "min")


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (SearchPlan("random", [ACCURACY], 3, trials=5, seconds=60), "limited by time"),
        (SearchPlan("random", [ACCURACY], 3, trials=5, workers=2), "at the same time"),
        (SearchPlan("random", [ACCURACY, LATENCY], 3, trials=5), "measured latency"),
    ],
)
def test_a_search_that_cannot_be_repeated_exactly_says_why(plan: SearchPlan, reason: str) -> None:
    assert reason in plan.varies


def test_a_search_of_so_many_trials_can_be_repeated() -> None:
    assert SearchPlan("random", [ACCURACY], 3, trials=5).varies == ""
