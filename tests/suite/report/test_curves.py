import pytest

from suite import task
from suite.report import curves

DIRECTION = task.get("classification").direction


def test_validation_has_one_colour_in_every_chart_and_is_named() -> None:
    history = {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "val_roc_auc": [0.5, 0.6]}
    both, alone = map(str, curves.learning(history, "roc_auc", 2, DIRECTION))
    assert 'class="key key-0">train' in both
    for chart in (both, alone):
        assert 'class="key key-1">validation' in chart
        assert 'class="series-1"' in chart
    assert "series-0" not in alone


@pytest.mark.parametrize(
    ("objective", "values", "chosen", "words"),
    [
        ("roc_auc", [0.5, 0.7, 0.6], 2, "epoch 2 of 3, the best by roc_auc on validation"),
        ("roc_auc", [0.5, 0.7, 0.6], 3, "the last epoch, 3, with a validation roc_auc of 0.6000. Validation was best "
         "after epoch 2, with 0.7000"),
        ("log_loss", [0.5, 0.7, 0.6], 3, "best after epoch 1, with 0.5000"),
    ],
)  # fmt: skip
def test_it_is_told_where_validation_was_best(objective: str, values: list[float], chosen: int, words: str) -> None:
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [1.0, 1.0, 1.0], f"val_{objective}": values}
    assert words in curves.describe_epoch(history, objective, chosen, DIRECTION)
    marked = "validation was best after epoch" in "".join(curves.learning(history, objective, chosen, DIRECTION))
    assert marked == ("last" in words or "best after" in words)
