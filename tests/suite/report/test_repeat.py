import shlex
from pathlib import Path

import pytest

from suite.api import steps
from suite.report import repeat
from suite.training.fit import TrainingSettings
from suite.training.thresholds import ErrorCosts, ThresholdRule


def test_the_command_of_a_network_has_its_data_and_its_choices() -> None:
    data = {"path": "my data/heart.csv", "options": {"label_column": "is ill", "no_header": True}}
    rule = ThresholdRule(costs=ErrorCosts(5, 2))
    command = repeat.fit_command("fraud", data, TrainingSettings(7, 3, "roc_auc"), rule, Path("m/x/1/card.json"), True)
    assert shlex.split(command) == [
        "suite", "fit", "fraud", "--data", "my data/heart.csv", "--label-column", "is ill", "--no-header", "--hp",
        "m/x/1/card.json", "--epochs", "7", "--seed", "3", "--objective", "roc_auc", "--cost-false-positive", "2",
        "--cost-false-negative", "5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ThresholdRule("f2"), ["--threshold", "f2"]),
        (ThresholdRule(costs=ErrorCosts(column="amount")), ["--cost-false-positive", "1", "--cost-column", "amount"]),
        (None, []),
    ],
)
def test_the_command_of_a_network_chooses_the_same_threshold(rule: ThresholdRule | None, words: list[str]) -> None:
    command = repeat.fit_command("fraud", {"name": "x"}, TrainingSettings(1, 0, "accuracy"), rule, Path("c"), False)
    assert shlex.split(command)[13:] == ["--no-retrain", *words]


def test_the_command_of_what_was_resumed_begins_anew_with_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = {"label_column": "the label", "no_header": True, "sheet": None}
    monkeypatch.setattr("sys.argv", ["suite", "fit", "fraud", "--resume", "--name", "x y"])
    command = steps.command_line("a folder/t.csv", reader)
    assert shlex.split(command) == [
        "suite", "fit", "fraud", "--name", "x y", "--data", "a folder/t.csv", "--label-column", "the label",
        "--no-header",
    ]  # fmt: skip
    monkeypatch.setattr("sys.argv", ["suite", "fit", "fraud", "--data", "a b.csv"])
    assert steps.command_line("a b.csv", reader) == "suite fit fraud --data 'a b.csv'"
