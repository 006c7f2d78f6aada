"""Frames, arrays and lists become data in memory, whatever library they are of."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from suite import domains
from suite.api import convert
from suite.data.memory import Frame, Pictures
from suite.data.options import DataOptions
from suite.domain import get
from suite.errors import SuiteError, UsageError
from suite.notation import split_names

COLUMNS = {"amount": [1.5, None, 3.0], "city": ["Bonn", "Ulm", None], "open": [True, False, True]}


def frame_of(data: Any, labels: Any = None) -> Frame:
    source, _ = convert.source("table", data, labels)
    assert isinstance(source, Frame)
    return source


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame, dict])
def test_every_frame_is_the_same_table(make: Any) -> None:
    assert frame_of(make(COLUMNS)).table.to_pydict() == COLUMNS


def test_a_polars_frame_with_text_is_read_with_its_labels() -> None:
    frame = pl.DataFrame({"age": [number % 13 for number in range(40)], "city": ["Bonn", "Ulm"] * 20})
    source, column = convert.source("table", frame, ["no"] * 20 + ["yes"] * 20)
    dataset = domains.load_data(get("fraud"), source, DataOptions(label_column=column))
    assert dataset.inputs["city"][:2].tolist() == ["Bonn", "Ulm"]


def test_rows_as_dictionaries_are_a_table() -> None:
    rows = pa.table(COLUMNS).to_pylist()
    assert frame_of(rows).table.to_pydict() == COLUMNS


def test_an_array_has_columns_by_their_numbers() -> None:
    table = frame_of(np.arange(6.0).reshape(3, 2)).table
    assert table.to_pydict() == {"column 1": [0, 2, 4], "column 2": [1, 3, 5]}


def test_an_index_with_a_name_is_read_and_one_without_is_told() -> None:
    frame = pd.DataFrame(COLUMNS, index=pd.Index(["a", "b", "c"], name="customer"))
    named, unnamed = frame_of(frame), frame_of(frame.rename_axis(None))
    assert named.table.column_names == ["customer", *COLUMNS]
    assert named.notes == ["the frame's index is read as columns: customer"]
    assert unnamed.table.column_names == [*COLUMNS]
    assert unnamed.notes[0].startswith("the frame's index has no name and is left out")
    assert not frame_of(pd.DataFrame(COLUMNS)).notes


def test_values_of_several_types_are_read_as_text_and_told() -> None:
    frame = frame_of(pd.DataFrame({"code": [1, "B2", None, 4.5], "plain": [1, 2, 3, 4]}))
    assert frame.table.to_pydict() == {"code": ["1", "B2", None, "4.5"], "plain": [1, 2, 3, 4]}
    assert frame.notes == ["values of several types (float, int, str) are read as text: code"]


def test_columns_by_number_and_categories() -> None:
    table = frame_of(pd.DataFrame({0: pd.Categorical(["a", "b", "a"]), 1: pd.to_datetime(["2024-01-01"] * 3)})).table
    assert table.column_names == ["0", "1"]
    assert table.column("0").to_pylist() == ["a", "b", "a"]


def test_labels_beside_the_rows_become_a_column() -> None:
    source, column = convert.source("table", pd.DataFrame(COLUMNS), pd.Series([0, 1, 0], name="late"))
    assert column == "late"
    assert isinstance(source, Frame)
    assert source.table.column("late").to_pylist() == [0, 1, 0]
    assert convert.source("table", pa.table({"label": [1]}), ["x"])[1] == "label_"


def test_several_labels_are_names_of_columns_or_beside_the_rows() -> None:
    frame = pd.DataFrame({"size": [1, 2, 3], "red": [0, 1, 0], "dry, cold": [1, 1, 0]})
    assert convert.source("table", frame, ["red", "dry, cold"])[1] == 'red,"dry, cold"'
    assert convert.source("table", "rows.csv", ["red", "dry"]) == ("rows.csv", "red,dry")
    assert convert.source("table", "rows.csv", ["dry, cold"]) == ("rows.csv", "dry, cold")
    for labels, names in ((frame[["red", "dry, cold"]], 'red_,"dry, cold_"'), (np.eye(3)[:, :2], "label 1,label 2")):
        source, column = convert.source("table", frame, labels)
        assert column == names
        assert isinstance(source, Frame)
        assert source.table.column_names[3:] == split_names(names)
    with pytest.raises(UsageError, match="2 labels for 3 rows"):
        convert.source("table", frame, np.eye(2))


def test_texts_are_a_list_or_a_column() -> None:
    source, column = convert.source("text", ["one", None, "three"], ["a", "b", "a"])
    assert isinstance(source, Frame)
    assert source.table.to_pydict() == {"text": ["one", None, "three"], "label": ["a", "b", "a"]}
    assert column == "label"
    series, _ = convert.source("text", pd.Series(["one"]))
    assert isinstance(series, Frame)
    assert series.table.to_pydict() == {"text": ["one"]}


def test_the_same_values_have_the_same_hash_however_they_are_split() -> None:
    whole = pa.table(COLUMNS)
    parts = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert Frame(whole).sha256() == Frame(parts).sha256() != Frame(whole.slice(0, 2)).sha256()


@pytest.mark.parametrize(
    ("kind", "data", "labels", "message"),
    [
        ("table", 5, None, "data of the type int cannot be read"),
        ("table", np.zeros((2, 2, 2)), None, r"an array of the shape \(2, 2, 2\) is no table"),
        ("table", {"a": [1, 2], "b": [1]}, None, "columns of one length"),
        ("table", pd.DataFrame({("a", "b"): [1]}), None, "columns of 2 levels"),
        ("table", pd.DataFrame({"a": [object(), 1]}), None, "values of the type object"),
        ("table", pd.DataFrame({"a": [1]}), [1, 0], "2 labels for 1 rows"),
        ("table", "rows.csv", [1, 0], "label= is the name of a column"),
        ("text", [1, 2], None, "texts are of the type str"),
        ("image", [np.zeros((4, 4)), np.zeros((5, 4))], [0, 1], "of several sizes"),
        ("image", pd.DataFrame({"a": [1]}), None, "a frame holds no pictures"),
        ("image", np.zeros((1, 4, 4)), "label", "pictures in memory have no columns"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(kind: str, data: Any, labels: Any, message: str) -> None:
    with pytest.raises(SuiteError, match=message) as raised:
        convert.source(kind, data, labels)
    assert "\n" not in str(raised.value)


def test_a_frame_is_read_like_a_file_of_the_same_rows(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(18, 80, 60), "city": rng.choice(["Bonn", "Ulm"], 60)})
    frame["churn"] = np.where(frame.age > 60, "yes", "no")
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    options = DataOptions(label_column="churn")
    from_file = domains.load_data(get("fraud"), str(file), options)
    in_memory = domains.load_data(get("fraud"), convert.source("table", frame)[0], options)
    assert in_memory.specs == from_file.specs
    assert in_memory.labels == from_file.labels
    for name, values in from_file.inputs.items():
        np.testing.assert_array_equal(in_memory.inputs[name], values)
    for split, rows in from_file.rows.items():
        np.testing.assert_array_equal(in_memory.rows[split], rows)
    assert in_memory.source["name"].startswith("frame ")
    assert in_memory.source["in_memory"]


def test_test_rows_may_be_a_frame_of_their_own() -> None:
    frame = pa.table({"age": [number % 13 for number in range(40)], "churn": ["no"] * 20 + ["yes"] * 20})
    options = DataOptions(label_column="churn", test=Frame(frame.slice(5, 30)))
    dataset = domains.load_data(get("fraud"), Frame(frame), options)
    assert len(dataset.rows["test"]) == 30
    assert dataset.source["files"]["test"]["name"].startswith("frame ")
    assert "test" not in dataset.source["options"]


def test_pictures_of_an_array() -> None:
    rng = np.random.default_rng(0)
    source, column = convert.source("image", rng.integers(0, 255, (60, 8, 8), np.uint8), ["cat", "dog"] * 30)
    assert isinstance(source, Pictures)
    assert column is None
    dataset = domains.load_data(get("image_cls"), source, DataOptions())
    assert dataset.inputs["image"].shape == (60, 8, 8, 1)
    assert dataset.labels == ["cat", "dog"]
    with pytest.raises(UsageError, match="the array has no labels"):
        domains.load_data(get("image_cls"), Pictures(source.images), DataOptions())
