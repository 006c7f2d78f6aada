"""How rows are split where people say it, and validation and test rows in files of their own."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from suite import domains
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.domain import get
from suite.errors import SuiteError, UsageError


def payments(path: Path, rows: Sequence[int], **changes: Any) -> Path:
    """A table whose rows follow from their numbers; they come in the order of `at`, and four have one customer."""
    columns = {
        "at": lambda i: f"2026-{1 + i // 28 % 12:02}-{1 + i % 28:02}",
        "customer": lambda i: f"c{i // 4}",
        "amount": lambda i: round(random.Random(i).lognormvariate(3, 1), 2),
        "country": lambda i: ("FR", "DE", "AT")[i % 3],
        "is_fraud": lambda i: int(i % 5 == 0),
    } | changes
    kept = {name: make for name, make in columns.items() if make}
    lines = [",".join(kept), *(",".join(str(make(i)) for make in kept.values()) for i in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(source: Path, domain: str = "fraud", **options: Any) -> tuple[Dataset, str]:
    given = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    dataset = domains.load_data(get(domain), str(source), DataOptions(**given))
    return dataset, "\n".join(dataset.detected)


def sizes(dataset: Dataset) -> list[int]:
    return [len(dataset.rows[name]) for name in ("train", "validation", "test")]  # type: ignore[index]


def test_a_random_split_is_one_whatever_columns_there_are(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", range(200))
    assert "split: in time by at" in read(path)[1]
    dataset, found = read(path, split="random")
    assert "split: random, stratified by label (as asked)" in found
    assert dataset.order is None
    dataset, found = read(path, split="random", group_column="customer")
    assert "split: random, stratified by label (as asked)" in found
    assert dataset.groups is None
    assert "customer" not in dataset.inputs


def test_a_split_in_time_or_by_groups_wins_over_the_other(tmp_path: Path) -> None:
    path = payments(tmp_path / "a.csv", range(200))
    dataset, found = read(path, split="time", group_column="customer")
    assert "split: in time by at" in found
    assert dataset.order is not None
    dataset, found = read(path, split="group", group_column="customer", time_column="at")
    assert "kept together" in found
    customers = [{row // 4 for row in rows} for rows in dataset.rows.values()]
    assert sum(map(len, customers)) == len(set.union(*customers))


def test_a_split_in_time_takes_rows_in_any_order_if_there_is_one_time(tmp_path: Path) -> None:
    shuffled = random.Random(0).sample(range(200), 200)
    dataset, found = read(payments(tmp_path / "a.csv", shuffled), split="time")
    assert "split: in time by at" in found
    moments = dataset.inputs["at"]
    assert moments[dataset.rows["train"]].max() <= moments[dataset.rows["test"]].min()
    two = payments(tmp_path / "b.csv", shuffled, paid=lambda i: f"2026-{1 + i * 7 % 12:02}-11")
    with pytest.raises(UsageError, match=r"several columns may be the time \(at, paid\): name it with --time-column"):
        read(two, split="time")
    assert "split: in time by paid" in read(two, split="time", time_column="paid")[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "time"}, "--split time: no column is a time by its name or its dates, in every row: name it with"),
        ({"split": "group"}, "--split group needs a column of groups: name it with --group-column"),
        ({"split": "time", "time_column": "none"}, "contradict each other"),
        ({"group_column": "customer", "time_column": "amount"}, "leave one of them out, or say which with --split"),
        ({"split": "random", "validation": "a.csv", "test": "a.csv"}, "says nothing where --validation and --test"),
    ],
)
def test_splits_that_the_data_does_not_allow_are_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:  # fmt: skip
    with pytest.raises(UsageError, match=message):
        read(payments(tmp_path / "a.csv", range(60), at=None), **options)


def test_rows_of_files_are_the_validation_and_test_rows(tmp_path: Path) -> None:
    source = payments(tmp_path / "a.csv", range(100), customer=None)
    validation = payments(tmp_path / "v.csv", range(100, 130))
    test = payments(tmp_path / "t.jsonl", [])
    test.write_text(
        '{"is_fraud": 1.0, "amount": 2, "country": "FR", "at": "2026-12-01"}\n'
        '{"is_fraud": "0", "amount": 7.5, "at": null, "country": "ES"}\n'
    )
    dataset, found = read(source, validation=validation, test=test)
    assert sizes(dataset) == [100, 30, 2]
    assert dataset.rows["validation"].tolist() == list(range(100, 130))
    assert dataset.inputs["amount"][-2:].tolist() == [2, 7.5]
    assert dataset.inputs["country"][-1] == "ES"
    assert dataset.y[-2:].tolist() == [1, 0]
    assert "split: all of these rows are for training" in found
    assert f"validation rows: {validation} (30 rows)" in found
    assert "among the rows to learn from" not in found
    record = dataset.source
    assert record["rows"] == {"train": 100, "validation": 30, "test": 2}
    assert record["files"]["test"]["path"] == str(test)
    assert record["files"]["test"]["rows"] == 2
    assert len(record["files"]["validation"]["sha256"]) == 64
    assert record["options"] == {"validation": str(validation), "test": str(test)}


def test_rows_of_a_split_without_a_file_are_taken_from_the_data(tmp_path: Path) -> None:
    source, file = payments(tmp_path / "a.csv", range(100)), payments(tmp_path / "b.csv", range(100, 120))
    dataset, found = read(source, test=file)
    assert sizes(dataset) == [80, 20, 20]
    assert "split: in time by at" in found
    assert dataset.rows["validation"].tolist() == list(range(80, 100))
    assert sizes(read(source, test=file, split="random")[0]) == [80, 20, 20]
    assert sizes(read(source, validation=file, split="random")[0]) == [80, 20, 20]
    assert sizes(read(source, test=file, group_column="customer")[0]) == [80, 20, 20]


def test_rows_that_are_in_both_files_are_told(tmp_path: Path) -> None:
    source, file = payments(tmp_path / "a.csv", range(100)), payments(tmp_path / "b.csv", range(90, 120))
    found = read(source, test=file)[1]
    assert "test rows that are among the rows to learn from too: 10 of 30" in found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"country": None}, r"--test: .*t.csv has no column country, which the model uses: add it"),
        ({"country": None, "Country": lambda i: "FR"}, r"no column country \(is it 'Country'\?\), which"),
        ({"is_fraud": None}, "t.csv: there is no column 'is_fraud'"),
        ({"is_fraud": lambda i: "yes"}, r"--test .*t.csv has labels that the data does not have: yes \(it has 0, 1\)"),
        ({"is_fraud": lambda i: i % 3}, "the label column 'is_fraud' has 3 values"),
        ({"at": lambda i: "soon"}, "--test: .*t.csv, column 'at', must hold date values: 'soon'|Invalid isoformat"),
        ({"amount": lambda i: "much"}, "--test: .*t.csv, column 'amount': 20 of 20 values are no numbers"),
    ],
)
def test_files_that_do_not_match_the_data_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    source, file = payments(tmp_path / "a.csv", range(100)), payments(tmp_path / "t.csv", range(20), **changes)
    with pytest.raises(SuiteError, match=message):
        read(source, test=file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--validation: there is nothing at /nowhere.csv"):
        read(payments(tmp_path / "a.csv", range(100)), validation="/nowhere.csv")


def test_texts_of_files_are_read_from_the_same_column(tmp_path: Path) -> None:
    def written(name: str, first: int, count: int, title: str) -> Path:
        rows = [f"a text of several words {i},{title * (i % 2)},{('down', 'up')[i % 2]}" for i in range(first, count)]
        path = tmp_path / name
        path.write_text("\n".join(["words,title,label", *rows]))
        return path

    source, file = written("a.csv", 0, 40, "t"), written("b.csv", 40, 60, "a much longer title than the words are")
    dataset, _ = read(source, "text_cls", test=file)
    assert sizes(dataset) == [32, 8, 20]
    assert dataset.inputs["text"][-1] == "a text of several words 59"
    assert dataset.source["text_column"] == "words"
    with pytest.raises(UsageError, match="--split time: texts have no time column"):
        read(source, "text_cls", split="time")


def pictures(folder: Path, count: int, first: int = 0) -> Path:
    for index in range(first, first + count):
        path = folder / ("light" if index % 2 else "dark") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), (index * 3 % 256)).save(path)
    return folder


def test_pictures_of_folders_lists_and_arrays_are_joined(tmp_path: Path) -> None:
    source, folder = pictures(tmp_path / "data", 20), pictures(tmp_path / "test", 6, 20)
    dataset, _ = read(source, "image_cls", test=folder)
    assert sizes(dataset) == [16, 4, 6]
    listed = tmp_path / "list.csv"
    listed.write_text("path,label\n" + "".join(f"{path},{path.parent.name}\n" for path in folder.rglob("*.png")))
    arrays = tmp_path / "a.npz"
    np.savez(arrays, images=np.zeros((4, 10, 10), np.uint8), labels=np.array(["light", "dark"] * 2))
    dataset, _ = read(source, "image_cls", test=listed, validation=arrays)
    assert sizes(dataset) == [20, 4, 6]
    assert dataset.inputs["image"].shape == (30, 8, 8, 1)
    (folder / "dark").rename(folder / "grey")
    with pytest.raises(SuiteError, match="has labels that the data does not have: grey"):
        read(source, "image_cls", test=folder)
    with pytest.raises(UsageError, match="--split time: files have no time column"):
        read(source, "image_cls", split="time")


def test_data_with_test_rows_of_its_own_takes_no_others(tmp_path: Path) -> None:
    source = tmp_path / "data"
    pictures(source / "train", 20)
    pictures(source / "test", 6, 20)
    with pytest.raises(UsageError, match=r"the data has test files of its own: leave them or --test .* out"):
        read(source, "image_cls", test=source / "test")
    assert sizes(read(source, "image_cls", validation=source / "test", split="random")[0]) == [20, 6, 6]
    assert sizes(read(source, "image_cls", validation=source / "test")[0]) == [20, 6, 6]
