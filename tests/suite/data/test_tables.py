import csv
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from suite.data import stream, tables
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError

OPTIONS = DataOptions()


def payments(path: Path, count: int = 300, **changes: Any) -> Path:
    """A table with every kind of column; `changes` are further columns, or None to leave one out."""
    generator = random.Random(0)
    columns: dict[str, Any] = {
        "payment_id": lambda i: f"P-{i:06}",
        "amount": lambda i: f"{generator.lognormvariate(3, 1):.2f}" if i % 10 else "",
        "card present": lambda i: ("yes", "no", "")[i % 3],
        "country": lambda i: ("FR", "DE", "Österreich", "")[i % 4],
        "at": lambda i: f"2026-01-{1 + i // 24:02}T{i % 24:02}:30:00" if i % 7 else "",
        "currency": lambda i: "EUR",
        "is_fraud": lambda i: int(i % 15 == 0),
    }
    columns = {name: make for name, make in (columns | changes).items() if make}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([make(i) for make in columns.values()] for i in range(count))
    return path


def test_kinds_are_found_and_useless_columns_named(tmp_path: Path) -> None:
    dataset = tables.read(payments(tmp_path / "a.csv"), OPTIONS)
    kinds = {spec.name: spec.kind for spec in dataset.specs}
    assert kinds == {"amount": "numeric", "card present": "boolean", "country": "categorical", "at": "date"}
    assert dataset.labels == ["0", "1"]
    assert dataset.y.sum() == 20
    assert set(dataset.ignored) == {"payment_id", "currency", "is_fraud"}
    found = "\n".join(dataset.detected)
    assert "label column: is_fraud (named like a label, two values)" in found
    assert "positive: '1' (20 of 300 rows; the rarer value)" in found
    assert "identifier columns dropped: payment_id" in found
    assert "constant columns dropped: currency" in found
    assert "split: random, stratified" in found


def test_values_are_read_by_kind(tmp_path: Path) -> None:
    dataset = tables.read(payments(tmp_path / "a.csv"), OPTIONS)
    assert np.isnan(dataset.inputs["amount"][0])
    assert dataset.inputs["card present"][:2].tolist() == [1, 0]
    assert dataset.inputs["country"][:4].tolist() == ["FR", "DE", "Österreich", ""]
    assert dataset.inputs["at"][1] == 1767231000  # 2026-01-01T01:30:00Z
    assert np.isnan(dataset.inputs["at"][[0, 7]]).all()
    assert [spec.tensor for spec in dataset.specs] == ["amount", "card_present", "country", "at"]


def test_the_same_table_as_parquet_gives_the_same_values(tmp_path: Path) -> None:
    by_csv = tables.read(payments(tmp_path / "a.csv"), OPTIONS)
    native = pa.table(
        {
            "amount": pa.array(by_csv.inputs["amount"], pa.float64(), from_pandas=True),
            "card present": pa.array([None if x != x else bool(x) for x in by_csv.inputs["card present"]]),
            "country": pa.array(by_csv.inputs["country"]).dictionary_encode(),
            "at": pa.array([None if x != x else int(x) for x in by_csv.inputs["at"]], pa.timestamp("s")),
            "is_fraud": pa.array(by_csv.y),
        }
    )
    parquet.write_table(native, tmp_path / "a.parquet")
    by_parquet = tables.read(tmp_path / "a.parquet", OPTIONS)
    assert {s.name: s.kind for s in by_parquet.specs} == {s.name: s.kind for s in by_csv.specs}
    for name, values in by_csv.inputs.items():
        np.testing.assert_array_equal(by_parquet.inputs[name], values)


def test_a_time_column_splits_in_time(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", time=lambda i: 1000 - i, at=None)
    dataset = tables.read(path, OPTIONS)
    assert "split: in time by time" in dataset.detected
    assert dataset.rows["test"].max() < dataset.rows["train"].min()
    assert "time" in dataset.ignored
    assert "time" not in dataset.inputs
    dated = tables.read(payments(tmp_path / "b.csv", at=lambda i: f"2026-01-{1 + i % 28:02}"), OPTIONS)
    assert "split: in time by at" in dated.detected
    assert "at" in dated.inputs


def test_a_split_in_time_without_positives_is_refused(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", time=lambda i: i, is_fraud=lambda i: int(i < 20))
    with pytest.raises(SuiteError, match="the validation rows hold only '0'"):
        tables.read(path, OPTIONS)


def test_positive_and_label_by_hand(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", is_fraud=None, verdict=lambda i: "bad" if i % 5 else "good")
    assert tables.read(path, DataOptions(label_column="verdict")).labels == ["bad", "good"]
    asked = tables.read(path, DataOptions(label_column="verdict", positive="bad"))
    assert asked.labels == ["good", "bad"]
    with pytest.raises(UsageError, match="did you mean 'verdict'"):
        tables.read(path, DataOptions(label_column="verdikt"))
    with pytest.raises(UsageError, match="'worse'"):
        tables.read(path, DataOptions(label_column="verdict", positive="worse"))
    with pytest.raises(UsageError, match="several columns that may be the label \\(card present, verdict\\)"):
        tables.read(path, OPTIONS)


def test_the_models_label_column_is_used_if_there_is_one(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", verdict=lambda i: "bad" if i % 4 else "good")
    learned = tables.read(path, DataOptions(label_column="verdict"))
    assert learned.source["label_column"] == "verdict"
    known = DataOptions(inputs=tuple(learned.specs), known_label="verdict")
    again = tables.read(path, known)
    assert again.labels == ["bad", "good"]
    assert "label column: verdict (as the model knows it, two values)" in again.detected
    assert tables.read(path, replace(known, label_column="is_fraud")).labels == ["0", "1"]
    assert tables.read(payments(tmp_path / "b.csv"), known).source["label_column"] == "is_fraud"


@pytest.mark.parametrize("columns", [{"verdict": lambda i: "bad"}, {"is_fraud": lambda i: 0}])
def test_rows_of_one_class_can_evaluate_a_model_and_not_train_one(tmp_path: Path, columns: Any) -> None:
    specs = tuple(tables.read(payments(tmp_path / "a.csv"), OPTIONS).specs)
    path = payments(tmp_path / "b.csv", **columns)
    measured = tables.read(path, DataOptions(inputs=specs, known_label="verdict"))
    assert len(measured.labels) == 1
    assert (measured.y == 0).all()
    assert len(measured.rows["test"]) == 300
    (label,) = columns
    with pytest.raises(SuiteError, match="two classes"):
        tables.read(path, DataOptions(label_column=label))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (lambda i: 1, "only '1'"),
        (lambda i: i % 3, "has 3 values"),
        (lambda i: i / 7, "has 300 values"),
        (lambda i: int(i == 0), "has 1 row, and every class needs 3"),
    ],
)
def test_labels_that_cannot_be_learned(tmp_path: Path, label: Any, message: str) -> None:
    path = payments(tmp_path / "a.csv", is_fraud=label)
    with pytest.raises(SuiteError, match=message):
        tables.read(path, DataOptions(label_column="is_fraud") if "values" in message else OPTIONS)


def test_infinite_and_non_numeric_values_and_rows_without_a_label(tmp_path: Path) -> None:
    path = payments(
        tmp_path / "a.csv", 1000, x=lambda i: "inf" if i == 5 else "oops" if i == 6 else i / 3,
        is_fraud=lambda i: "" if i == 9 else int(i % 15 == 0),
    )  # fmt: skip
    dataset = tables.read(path, OPTIONS)
    assert np.isnan(dataset.inputs["x"][[5, 6]]).all()
    assert len(dataset.y) == 999
    found = "\n".join(dataset.detected)
    assert "infinite numbers taken as missing: x (1)" in found
    assert "values that are no numbers taken as missing: x (1)" in found
    assert "rows without a label left out: 1" in found


def test_a_type_that_changes_late_is_no_error(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", 30_000, at=None, grade=lambda i: "A+" if i > 29_000 else i % 9)
    kinds = {spec.name: spec.kind for spec in tables.read(path, OPTIONS).specs}
    assert kinds["grade"] == "categorical"


def test_files_without_rows_or_columns_to_learn_from(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,is_fraud\n")
    with pytest.raises(SuiteError, match="no rows"):
        tables.read(path, OPTIONS)
    path.write_text("")
    with pytest.raises(SuiteError, match="is empty"):
        tables.read(path, OPTIONS)
    path.write_text("is_fraud\n" + "0\n1\n" * 5)
    with pytest.raises(SuiteError, match="no column to learn from"):
        tables.read(path, OPTIONS)
    with pytest.raises(UsageError, match="is a folder"):
        tables.read(tmp_path, OPTIONS)


def test_columns_without_a_name_are_told_to_who_learns_and_to_who_predicts(tmp_path: Path) -> None:
    lines = [f"{i % 5 == 0:d},{i * 7 % 11},{i * 3 % 13}" for i in range(40)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["label,,x", *lines, ""]))
    told = "columns without a name are named by their position: column 2"
    learned = tables.read(path, DataOptions())
    assert told in learned.detected
    assert [spec.name for spec in learned.specs] == ["column 2", "x"]
    heard: list[str] = []
    [batch] = stream.table(str(path), learned.specs, ["label"], 100, stream.RowOptions(tell=heard.append))
    assert heard == [told]
    assert batch.inputs["column 2"].tolist() == learned.inputs["column 2"].tolist()
