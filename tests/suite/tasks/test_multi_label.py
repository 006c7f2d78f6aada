"""The task of several labels at once: metrics, calibration, thresholds, answers and sections of the report."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from suite import answers
from suite import task as tasks
from suite.artifact import Card
from suite.data.dataset import Dataset
from suite.errors import SuiteError, UsageError
from suite.report import label_statistics, multi_label, statistics
from suite.report.statistics import Predictions
from suite.training import label_metrics, label_thresholds
from suite.training.thresholds import ThresholdRule

TASK = tasks.get("multi_label")
GENERATOR = np.random.default_rng(0)
Z = GENERATOR.normal([0.0, -2.0, 1.0], 1.5, (400, 3))
P = (1 / (1 + np.exp(-Z))).astype(np.float32)
Y = GENERATOR.random(P.shape) < P
THRESHOLDS = [0.5, 0.2, 0.7]


def test_metrics_equal_those_of_scikit_learn() -> None:
    from sklearn import metrics

    found, said = TASK.evaluate(Y, P, THRESHOLDS), P >= THRESHOLDS
    assert found == pytest.approx(
        {
            "macro_average_precision": metrics.average_precision_score(Y, P, average="macro"),
            "macro_roc_auc": metrics.roc_auc_score(Y, P, average="macro"),
            "macro_f1": metrics.f1_score(Y, said, average="macro"),
            "micro_f1": metrics.f1_score(Y, said, average="micro"),
            "exact_match": metrics.accuracy_score(Y, said),
            "hamming_loss": metrics.hamming_loss(Y, said),
            "log_loss": np.mean([metrics.log_loss(y, p) for y, p in zip(Y.T, P.T, strict=True)]),
        },
        abs=1e-5,
    )
    for name in found:
        TASK.check_objective(name, 3)
    assert [name for name in found if TASK.direction(name) < 0] == ["hamming_loss", "log_loss"]


def test_intervals_are_of_the_same_figures() -> None:
    predictions = Predictions(Y, P, THRESHOLDS)
    found = statistics.bootstrap(TASK.headline_metrics(predictions), predictions)
    assert {name: one.value for name, one in found.items()} == pytest.approx(TASK.evaluate(Y, P, THRESHOLDS), abs=1e-5)
    assert all(one.low < one.value < one.high for one in found.values())


def test_labels_that_never_change_are_left_out_of_rankings_and_told() -> None:
    y = Y.copy()
    y[:, 1] = False
    found = TASK.evaluate(y, P)
    assert found["macro_roc_auc"] == pytest.approx(TASK.evaluate(y[:, [0, 2]], P[:, [0, 2]])["macro_roc_auc"])
    assert TASK.undefined_metrics(y, ["a", "b", "c"], found) == [
        "labels that hold in all rows or in none are left out of macro_average_precision and macro_roc_auc: b"
    ]
    alike = TASK.evaluate(np.ones((4, 2), bool), P[:4, :2])
    assert "macro_roc_auc" not in alike
    assert "there is no macro_average_precision" in TASK.undefined_metrics(np.ones((4, 2), bool), ["a", "b"], alike)[0]


def test_what_there_is_nothing_to_learn_of_is_one_error() -> None:
    for value, words in ((False, "no training row"), (True, "every training row")):
        y = Y.copy()
        y[:300, 2] = value
        dataset = Dataset({}, y, ["a", "b", "c"], {"train": np.arange(300), "validation": np.arange(300, 400)}, [])
        with pytest.raises(SuiteError, match=f"the label 'c' holds in {words}"):
            TASK.check(dataset)
    alike = Dataset({}, Y, ["a", "b", "c"], {"train": np.arange(300), "validation": np.arange(300, 301)}, [])
    with pytest.raises(SuiteError, match="each label holds in all of the 1 validation rows or in none"):
        TASK.check(alike)
    with pytest.raises(UsageError, match="roc_auc is for one class a row"):
        TASK.check_objective("roc_auc", 3)


def test_one_temperature_undoes_what_all_logits_were_multiplied_by() -> None:
    sharp = (1 / (1 + np.exp(-2 * Z))).astype(np.float32)
    assert label_metrics.temperature(Y, P) == pytest.approx(1, abs=0.15)
    assert label_metrics.temperature(Y, sharp) == pytest.approx(2 * label_metrics.temperature(Y, P), rel=0.02)
    assert label_metrics.temperature(Y[:50], sharp[:50]) == 1
    assert label_metrics.calibrated_log_loss(Y, sharp) == pytest.approx(
        label_metrics.calibrated_log_loss(Y, P), rel=1e-3
    )


def test_each_label_has_its_own_threshold() -> None:
    chosen = label_thresholds.choose(ThresholdRule("f1"), Y, P)
    f1 = [label_metrics.evaluate(Y[:, [n]], P[:, [n]], [chosen[n]])["macro_f1"] for n in range(3)]
    half = [label_metrics.evaluate(Y[:, [n]], P[:, [n]])["macro_f1"] for n in range(3)]
    assert all(own >= other - 0.02 for own, other in zip(f1, half, strict=True))
    assert f1[1] > half[1] + 0.05  # rare: of few rows it is the likelier case that it holds
    assert label_thresholds.choose(ThresholdRule("0.3"), Y, P) == [0.3] * 3
    rare = Y & (np.arange(400) < 8)[:, None]
    assert "fewer than 10 validation rows tell them: b, " in label_thresholds.few_rows_notes(
        ThresholdRule("f1"), rare, ["a", "b", "c"]
    )[0]  # fmt: skip
    sure = ThresholdRule("precision>=1")
    notes = label_thresholds.precision_notes(sure, ~Y, P, label_thresholds.choose(sure, ~Y, P), ["a", "b", "c"])
    assert any(note.startswith("a: No threshold reaches a precision of 1 on the validation rows") for note in notes)
    assert label_thresholds.few_rows_notes(ThresholdRule("0.5"), rare, ["a", "b", "c"]) == []


def test_answers_name_the_labels_that_hold() -> None:
    labels = ["50% off", 'a "b"', "ö"]
    card = Card("sale", 1, "table", "", [], [], labels, {}, task="multi_label", threshold=THRESHOLDS)
    answer, outputs = answers.of(card), np.array([[0.5, 0.1, 0.9], [0.4, 0.1, 0.1]], np.float32)
    told = json.loads(answer.write({"probabilities": outputs}))
    assert [row["labels"] for row in told] == [["50% off", "ö"], []]
    assert told[0]["probabilities"] == pytest.approx(dict(zip(labels, outputs[0].tolist(), strict=True)))
    assert [row["prediction"] for row in answer.rows(outputs)] == ["50% off; ö", ""]
    assert list(answer.columns()) == ["prediction", "p_50% off", 'p_a "b"', "p_ö"]
    assert not answer.is_number


def test_the_report_counts_labels_and_mistakes() -> None:
    y = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], bool)
    said = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], bool)
    assert [(row.labels, row.rows, row.answered, row.right) for row in multi_label._numbers(y, said)] == [
        ("0", 1, 1, 0), ("1", 2, 3, 1), ("2", 1, 0, 0),
    ]  # fmt: skip
    assert sorted(multi_label._common(y, said, ["a", "b"])) == [
        ("a", "left out", 1, 1 / 3),
        ("b", "given where it does not hold", 1, 1 / 3),
        ("b", "left out", 1, 1.0),
    ]
    assert TASK.right(Predictions(y, said.astype(np.float32))).tolist() == [True, False, False, False]  # type: ignore[union-attr]


def test_more_labels_than_can_be_ranked_in_time_have_no_interval_of_ranking() -> None:
    y = GENERATOR.random((40, label_statistics.MAX_RANKED + 1)) < 0.5
    predictions = Predictions(y, GENERATOR.random(y.shape).astype(np.float32))
    assert list(TASK.headline_metrics(predictions)) == [
        "macro_f1",
        "micro_f1",
        "exact_match",
        "hamming_loss",
        "log_loss",
    ]


def test_a_saved_model_is_asked_measured_and_shown(make: Callable[[str], Any]) -> None:
    import pandas as pd

    import suite

    made = make("table-multi_label")
    model, rows = suite.load("table-multi_label", models=made.models), made.dataset.rows["test"]
    frame = pd.DataFrame(made.dataset.take(rows))
    found = model.predict(frame)
    assert list(found.columns) == ["prediction", *(f"p_{label}" for label in model.labels)]
    held = model.predict_proba(frame) >= model.threshold
    said = [[label for label in model.labels if label in text.split("; ")] for text in found["prediction"]]
    assert said == [[label for label, holds in zip(model.labels, row, strict=True) if holds] for row in held]
    labelled = frame.assign(**dict(zip(model.labels, made.dataset.y[rows].T, strict=True)))
    measured = model.evaluate(labelled, split="all")
    assert measured.metrics == pytest.approx(model.metrics["test"], abs=1e-4)
    assert "macro_average_precision" in model._repr_html_()
    page = model.report().read_text()
    for label in model.labels:
        assert f"<td>{label}</td>" in page
