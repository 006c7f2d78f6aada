import numpy as np
import pytest

from suite import task
from suite.artifact import TensorSpec
from suite.data.dataset import Dataset
from suite.report import columns
from suite.report.statistics import Predictions

RNG = np.random.default_rng(0)
Y = np.tile([0, 1], 100)


def probabilities(scores: np.ndarray) -> np.ndarray:
    return np.stack([1 - scores, scores], axis=1)


def measured(metric: str, y: np.ndarray = Y, weights: np.ndarray | None = None) -> columns.Importance | None:
    scores = 0.1 + 0.8 * y
    weights = np.ones(len(y)) if weights is None else weights
    exchanged = [("useless", np.tile(scores, 2)), ("all", RNG.random(2 * len(y)))]
    answers = [(name, probabilities(values)) for name, values in exchanged]
    return columns.measure(task.get("detection"), metric, Predictions(y, probabilities(scores), 0.5), weights, answers)


@pytest.mark.parametrize("metric", ["average_precision", "log_loss"])
def test_a_column_counts_by_what_is_lost_without_it(metric: str) -> None:
    found = measured(metric)
    assert found is not None
    assert (found.metric, found.rows) == (metric, 200)
    assert list(found.drops) == ["all", "useless"]
    assert found.drops["useless"].value == found.drops["useless"].low == found.drops["useless"].high == 0
    assert 0.2 < found.drops["all"].low < found.drops["all"].value < found.drops["all"].high


def test_rows_of_one_class_measure_nothing() -> None:
    assert measured("average_precision", np.zeros(10, int)) is None


def test_rows_that_stand_for_many_count_as_many() -> None:
    few = measured("average_precision", weights=np.where(Y == 1, 1.0, 50.0))
    even = measured("average_precision")
    assert few is not None
    assert even is not None
    # Among 50 times as many negatives, guessing finds fewer positives.
    assert few.drops["all"].value > even.drops["all"].value + 0.3


def test_columns_have_their_missing_share_and_the_measured_come_first() -> None:
    inputs = {
        "number": np.array([1, np.nan, 2, 3], np.float32),
        "word": np.array(["", "a", "", "b"], object),
    }
    rows = np.arange(4)
    specs = [TensorSpec(name, "", (), name, kind) for name, kind in (("number", "numeric"), ("word", "categorical"))]
    splits = {"train": rows, "validation": rows, "test": rows}
    dataset = Dataset(inputs, np.zeros(4, int), ["a", "b"], splits, specs)  # type: ignore[arg-type]
    found = measured("average_precision")
    assert found is not None
    importance = columns.Importance("average_precision", 4, {"word": found.drops["all"]})
    listed = columns.column_rows(dataset, importance)
    assert [(row.name, row.missing, row.importance is None) for row in listed] == [
        ("word", 0.5, False),
        ("number", 0.25, True),
    ]
    card = columns.to_json(listed, importance)
    assert card["columns"]["number"] == {"missing": 0.25, "importance": None}
    assert set(card["columns"]["word"]["importance"]) == {"value", "low", "high"}
    assert card["importance_metric"] == "average_precision"
