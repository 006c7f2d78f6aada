"""Several label columns of a table, each of which says whether its label holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.artifact import TensorSpec
from suite.data import folding, splits, suspicions, tables, truth
from suite.data.options import DataOptions
from suite.domains import load_data
from suite.errors import SuiteError, UsageError

ROWS = 60
RED = np.arange(ROWS) % 3 == 0
DRY = np.arange(ROWS) % 5 != 0
WEIGHT = np.arange(ROWS) // 2
NAMED = DataOptions(label_column="red,dry")


def table(path: Path, **columns: Any) -> Path:
    """A table with a number in each row and columns of labels."""
    columns = {"size": [f"{np.sin(row):.4f}" for row in range(ROWS)], **columns}
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return table(tmp_path / "a.csv", red=np.where(RED, "yes", "no"), dry=DRY.astype(int), weight=WEIGHT)


def test_labels_hold_where_their_column_says_so_which_is_told(path: Path) -> None:
    dataset = tables.read_any(path, NAMED)
    assert dataset.labels == ["red", "dry"]
    np.testing.assert_array_equal(dataset.y, np.stack([RED, DRY], axis=1))
    assert dataset.detected[:2] == [
        "label columns: red (yes), dry (1) (as asked), 2 labels; in brackets the value with which each holds",
        "labels hold in these shares of the rows: red 33.3%, dry 80.0%",
    ]
    assert [spec.name for spec in dataset.specs] == ["size", "weight"]
    assert dataset.source["label_column"] == "red,dry"
    assert sorted(np.concatenate(list(dataset.rows.values()))) == list(range(ROWS))


def test_a_column_whose_name_holds_a_comma_is_one(tmp_path: Path) -> None:
    path = table(tmp_path / "a.jsonl")
    path.write_text(
        "\n".join(f'{{"size": {row % 7}, "red, dry": {row % 2}, "wet": {row % 3 > 0:d}}}' for row in range(ROWS))
    )
    assert tables.read_any(path, DataOptions(label_column="red, dry")).labels == ["0", "1"]
    assert tables.read_any(path, DataOptions(label_column='"red, dry",wet')).labels == ["red, dry", "wet"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_column": "red,dri"}, "there is no column 'dri': did you mean 'dry'"),
        ({"label_column": "red,dry,red"}, "names 'red' twice: give each column once"),
        ({"label_column": "red,weight"}, r"'weight' has 30 values \(0, 1, 2, 3, ...\): each of several says whether"),
        ({"label_column": ",".join(f"c{n}" for n in range(1_001))}, "1,001 label columns, and at most 1,000"),
        ({"label_column": "red,dry", "task": "regression"}, "--task regression takes one label column"),
        ({"label_column": "red", "task": "multi_label"}, "--task multi_label takes several label columns"),
        ({"task": "multi_label"}, "--task multi_label takes several label columns"),
    ],
)
def test_what_is_no_set_of_labels_is_one_error(path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(SuiteError, match=said) as caught:
        tables.read_any(path, DataOptions(**options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_two_words_that_do_not_say_which_holds_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", red=RED, taste=np.where(DRY, "dry", "sweet"))
    with pytest.raises(SuiteError, match=r"'taste' has 2 values \(sweet, dry\): each of several says whether it holds"):
        tables.read_any(path, DataOptions(label_column="red,taste"))


def test_fraud_names_the_domain_that_takes_several_labels(path: Path) -> None:
    with pytest.raises(UsageError, match="names several: use 'suite fit table'"):
        tables.read(path, NAMED)


def test_rows_without_any_label_are_left_out_and_others_need_all(tmp_path: Path) -> None:
    red, dry = RED.astype(int).astype(object), DRY.astype(int).astype(object)
    red[7] = dry[7] = ""
    dataset = tables.read_any(table(tmp_path / "a.csv", red=red, dry=dry), NAMED)
    assert len(dataset.y) == ROWS - 1
    assert "rows without a label left out: 1" in dataset.detected
    dry[7] = 1
    with pytest.raises(SuiteError, match="row 8 has no value of the label 'red', and has others"):
        tables.read_any(table(tmp_path / "b.csv", red=red, dry=dry), NAMED)


def test_every_split_has_its_share_of_rare_labels_and_of_rare_absences() -> None:
    generator = np.random.default_rng(0)
    y = generator.random((1_000, 4)) < [0.5, 0.02, 0.98, 0.3]
    rows = splits.stratified(y, list("abcd"), seed=0)
    for part in rows.values():
        np.testing.assert_allclose(y[part].mean(axis=0)[[1, 2]], y.mean(axis=0)[[1, 2]], atol=0.01)
    assert len(np.unique(truth.strata(y))) <= 5


def test_folds_groups_and_files_divide_the_rows(path: Path, tmp_path: Path) -> None:
    from suite import domain

    test = table(tmp_path / "b.csv", dry=DRY.astype(int), red=np.where(RED, "yes", "no"), weight=WEIGHT)
    options = DataOptions(label_column="red,dry", test=str(test))
    dataset = load_data(domain.get("table"), str(path), options)
    np.testing.assert_array_equal(dataset.y[dataset.rows["test"]], np.stack([RED, DRY], axis=1))
    for rows in folding.folds(dataset, 3, 0):
        assert sorted(np.concatenate(list(rows.values()))) == list(range(2 * ROWS))
    grouped = tables.read_any(path, DataOptions(label_column="red,dry", group_column="weight"))
    assert grouped.groups is not None
    in_time = tables.read_any(path, DataOptions(label_column="red,dry", time_column="weight"))
    assert in_time.order is not None
    assert all(len(part) for rows in folding.folds(in_time, 3, 0) for part in rows.values())


def test_a_model_is_measured_on_its_own_labels(path: Path) -> None:
    learned = tables.read_any(path, NAMED)
    known = {"inputs": tuple(learned.specs), "known_label": "red,dry", "known_task": "multi_label", "undivided": True}
    found = tables.read_any(path, DataOptions(**known))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.y, learned.y)
    turned = tables.read_any(path, DataOptions(**known, label_column="dry,red"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(truth.translate(turned.y, turned.labels, ["red", "dry"]), learned.y)
    with pytest.raises(UsageError, match="names 2 columns, and the model has one label: name its column"):
        tables.read_any(path, replace(NAMED, known_task="classification", inputs=tuple(learned.specs)))
    with pytest.raises(UsageError, match="names red, and the model's labels are red,dry"):
        tables.read_any(path, DataOptions(**known, label_column="red"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no column wet, which the model has as a label: add it"):
        tables.read_any(path, DataOptions(**known | {"known_label": "red,wet"}))  # type: ignore[arg-type]


def test_columns_that_give_a_label_away_are_named_with_it() -> None:
    generator = np.random.default_rng(0)
    y = generator.random((200, 2)) < 0.5
    specs = [TensorSpec(name, "float32", (), name, "numeric") for name in ("hint", "other")]
    inputs = {"hint": y[:, 1] + generator.random(200) / 2, "other": generator.random(200)}
    told = suspicions.leaks(specs, inputs, y, np.arange(200), ["red", "dry"])
    assert len(told) == 1
    assert told[0].startswith("suspected leaks, columns that alone give the label 'dry' away: hint (ROC AUC 1.000)")
