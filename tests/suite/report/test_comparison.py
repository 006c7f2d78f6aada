from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.artifact import Card, TensorSpec
from suite.data.dataset import Dataset
from suite.errors import SuiteError
from suite.report import comparison, page, stored_predictions
from suite.report.comparison import EvaluatedModel
from suite.report.statistics import Predictions
from suite.report.stored_predictions import StoredPredictions

GENERATOR = np.random.default_rng(0)
Y = GENERATOR.integers(0, 2, 600)
KEYS = np.arange(600, dtype=np.uint64)
OUTPUT = TensorSpec("probabilities", "float32", (2,))
CARD = Card("one", 1, "text_cls", "now", [], [OUTPUT], ["a", "b"], {})
TRAINING = {"parameters": 1, "seconds": 1.0, "command": "suite fit <b>"}


def measured(name: str, right: float, *, labels: tuple[str, ...] = ("a", "b"), threshold: float | None = None,
             keys: np.ndarray = KEYS, y: np.ndarray = Y) -> EvaluatedModel:  # fmt: skip
    """A model that is right on this share of the rows."""
    hit = np.random.default_rng(len(name)).random(len(y)) < right
    score = np.where(hit == (y == 1), 0.8, 0.3)
    card = Card(name, 1, "text_cls", "now", [], [], list(labels), {}, threshold=threshold, training=TRAINING,
                hyperparameters={"same": 1, "name": name})  # fmt: skip
    return EvaluatedModel(Path(name), card, Predictions(y, np.stack([1 - score, score], axis=1), threshold), keys)


def test_a_model_does_not_differ_from_itself() -> None:
    one = measured("one", 0.7)
    found = comparison.compare(one, one)
    assert all(row.difference == comparison.Interval(0, 0, 0) for row in found.metrics.values())
    assert (found.mcnemar.only_first, found.mcnemar.only_second, found.mcnemar.p) == (0, 0, 1.0)
    assert found.conclusion == "Both models answer every test row alike."


@pytest.mark.parametrize("order", [1, -1])
def test_the_better_model_is_named_in_either_order(order: int) -> None:
    pair = [measured("worse", 0.6), measured("better", 0.9)][::order]
    found = comparison.compare(*pair)
    assert found.conclusion.startswith("better/1 is better by accuracy")
    assert "more than chance explains" in found.conclusion
    row = found.metrics["accuracy"]
    assert row.difference.value == pytest.approx(row.second - row.first)
    assert row.difference.low <= row.difference.value <= row.difference.high
    assert found.mcnemar.p < 1e-6


def test_models_that_hardly_differ_are_not_told_apart() -> None:
    found = comparison.compare(measured("some", 0.7), measured("others", 0.7))
    assert "do not tell the models apart by accuracy" in found.conclusion
    assert "which chance explains as well" in found.conclusion


def test_the_same_scores_with_another_threshold_are_not_alike() -> None:
    found = comparison.compare(measured("same", 0.7, threshold=0.5), measured("same", 0.7, threshold=0.9))
    assert found.metrics["average_precision"].difference.value == 0
    assert "alike" not in found.conclusion


def test_other_rows_labels_or_truths_are_refused() -> None:
    one = measured("one", 0.7)
    with pytest.raises(SuiteError, match=r"not tested on the same rows \(600 and 600, 599 in common\)"):
        comparison.compare(one, measured("two", 0.7, keys=KEYS + np.uint64(1)))
    with pytest.raises(SuiteError, match="different labels"):
        comparison.compare(one, measured("two", 0.7, labels=("a", "c")))
    with pytest.raises(SuiteError, match="1 of the same test rows different labels"):
        comparison.compare(one, measured("two", 0.7, y=np.append(1 - Y[:1], Y[1:])))


def test_the_page_shows_both_and_what_differs() -> None:
    html = page.render_comparison(comparison.compare(measured("one", 0.6), measured("two", 0.9)))
    for text in ("one/1", "two/1", "two/1 is better", "<code>name</code>", "suite fit &lt;b&gt;", "McNemar"):
        assert text in html
    assert "<code>same</code>" not in html
    assert "<script" not in html
    assert "http" not in html


def test_rows_are_matched_by_what_they_hold(make: Any) -> None:
    made = make("text_cls")
    rows = made.dataset.rows["test"]
    shuffled = GENERATOR.permutation(len(rows))
    probabilities = GENERATOR.random((len(rows), 2)).astype(np.float32)
    here = stored_predictions.collect(made.dataset, probabilities)
    other = Dataset(
        made.dataset.inputs, made.dataset.y, made.dataset.labels, {"test": rows[shuffled]}, made.dataset.specs
    )
    there = stored_predictions.collect(other, probabilities[shuffled])
    assert (here.keys != there.keys).any()
    for first, second in zip(vars(here.sorted()).values(), vars(there.sorted()).values(), strict=True):
        np.testing.assert_array_equal(first, second)


def good() -> StoredPredictions:
    return StoredPredictions(Y, np.full((600, 2), 0.5, np.float32), KEYS)


def test_stored_predictions_round_trip(tmp_path: Path) -> None:
    stored_predictions.write(tmp_path, good())
    found = stored_predictions.read(tmp_path, CARD)
    for first, second in zip(vars(found).values(), vars(good()).values(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("cut", ["empty", "half", "noise", "bits"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, cut: str) -> None:
    stored_predictions.write(tmp_path, good())
    path = tmp_path / stored_predictions.FILE
    whole = path.read_bytes()
    bits = bytearray(whole)
    bits[200:240] = bytes(byte ^ 0x55 for byte in bits[200:240])
    path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "noise": b"noise" * 99, "bits": bytes(bits)}[cut])
    with pytest.raises(SuiteError, match="is damaged"):
        stored_predictions.read(tmp_path, CARD)


@pytest.mark.parametrize(
    "other",
    [
        StoredPredictions(Y, np.full((600, 3), 0.5, np.float32), KEYS),
        StoredPredictions(Y, np.full((599, 2), 0.5, np.float32), KEYS),
        StoredPredictions(Y + 5, np.full((600, 2), 0.5, np.float32), KEYS),
        StoredPredictions(Y.astype(float), np.full((600, 2), 0.5, np.float32), KEYS),
        StoredPredictions(Y, np.full((600, 2), np.nan, np.float32), KEYS),
        StoredPredictions(Y[:0], np.full((0, 2), 0.5, np.float32), KEYS[:0]),
    ],
)
def test_answers_that_do_not_fit_the_model_are_damaged(tmp_path: Path, other: StoredPredictions) -> None:
    stored_predictions.write(tmp_path, other)
    with pytest.raises(SuiteError, match="is damaged"):
        stored_predictions.read(tmp_path, CARD)


def test_a_model_without_answers_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="fit the model again"):
        stored_predictions.read(tmp_path, CARD)
