import pytest

from suite import task
from suite.errors import UsageError
from tuning import objectives


@pytest.mark.parametrize(
    ("text", "names"),
    [("accuracy", ["val_accuracy"]), ("val_log_loss, latency,size", ["val_log_loss", "latency", "size"])],
)
def test_objectives_are_written_with_or_without_val(text: str, names: list[str]) -> None:
    found = objectives.parse(text, task.get("classification"), 3)
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
        objectives.parse(text, task.get("classification"), 3)
