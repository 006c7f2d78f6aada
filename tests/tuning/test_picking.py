import pytest

from suite.errors import UsageError
from suite.report.trials import Objective
from tuning import objectives, picking
from tuning.trial import Trial

ACCURACY, LATENCY = Objective("val_accuracy", "max"), Objective("latency", "min")
TRIALS = [
    Trial(0, "completed", {}, 0.90, scores={"val_accuracy": 0.90, "latency": 3.0}),
    Trial(1, "completed", {}, 0.898, scores={"val_accuracy": 0.898, "latency": 1.0}),
    Trial(2, "completed", {}, 0.80, scores={"val_accuracy": 0.80, "latency": 0.1}),
    Trial(3, "failed", {}),
]


def test_without_a_rule_the_best_wins() -> None:
    assert picking.pick(None, [ACCURACY], TRIALS).id == 0


@pytest.mark.parametrize(("margin", "winner"), [(0.0, 0), (0.005, 1), (0.2, 2)])
def test_the_fastest_of_those_near_the_best_wins(margin: float, winner: int) -> None:
    assert picking.pick(picking.parse("fastest-within", margin), [ACCURACY, LATENCY], TRIALS).id == winner


def test_near_is_above_where_less_is_better() -> None:
    loss = Objective("val_log_loss", "min")
    trials = [
        Trial(0, "completed", {}, 0.50, scores={"val_log_loss": 0.50, "latency": 3.0}),
        Trial(1, "completed", {}, 0.51, scores={"val_log_loss": 0.51, "latency": 1.0}),
    ]
    assert picking.pick(picking.parse("fastest-within", 0.03), [loss, LATENCY], trials).id == 1
    assert picking.pick(picking.parse("fastest-within", 0.01), [loss, LATENCY], trials).id == 0


def test_a_rule_brings_its_cost_among_the_objectives() -> None:
    rule = picking.parse("smallest-within", 0.01)
    assert [one.name for one in picking.measured(rule, [ACCURACY])] == ["val_accuracy", "size"]
    assert picking.measured(picking.parse("fastest-within", 0.01), [ACCURACY, LATENCY]) == [ACCURACY, LATENCY]
    with pytest.raises(UsageError, match="measured no size"):
        picking.pick(rule, [ACCURACY, LATENCY], TRIALS)


@pytest.mark.parametrize(
    ("text", "names"),
    [("accuracy", ["val_accuracy"]), ("val_log_loss, latency,size", ["val_log_loss", "latency", "size"])],
)
def test_objectives_are_written_with_or_without_val(text: str, names: list[str]) -> None:
    found = objectives.parse(text, 3)
    assert [one.name for one in found] == names
    assert found[0].sign == (1 if names == ["val_accuracy"] else -1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("val_acuracy", "there is no objective 'acuracy': did you mean 'accuracy'?"),
        ("latency,accuracy", "the first objective says how good a network is, and latency does not"),
        ("accuracy,accuracy", "names an objective twice"),
        ("roc_auc", "roc_auc is for two classes, and the data has 3"),
        ("accuracy,speed", "there is no objective 'speed'"),
    ],
)
def test_an_objective_that_no_model_reports_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        objectives.parse(text, 3)
