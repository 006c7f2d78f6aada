"""What the label of a table is: classes or a number, found from its values and told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.data import folding, tables
from suite.data.options import DataOptions
from suite.domains import load_data
from suite.errors import SuiteError, UsageError

ROWS = 60


def table(path: Path, labels: list[Any], name: str = "target") -> Path:
    """A table with a number in each row and a column of labels."""
    rows = [f"{np.sin(row):.4f},{label}" for row, label in enumerate(labels)]
    path.write_text("\n".join([f"size,{name}", *rows]))
    return path


def read(path: Path, labels: list[Any], **options: Any) -> Any:
    return tables.read_any(table(path / "a.csv", labels), DataOptions(**options))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["a", "b", "c"], "3 classes: a, b, c"),
        ([10, 9, 2], "3 classes, since there are at most 20 whole numbers (--task regression predicts a number): 2, 9"),
        ([0, 1], "2 classes: 0, 1"),
        ([0.5, 1.5], "2 classes: 0.5, 1.5"),
        ([True, False], "2 classes: False, True"),
    ],
)
def test_few_values_are_classes_in_their_order(tmp_path: Path, labels: list[Any], told: str) -> None:
    dataset = read(tmp_path, labels * (ROWS // len(labels)))
    assert dataset.detected[0].startswith(f"label column: target (named like a label), {told}")
    assert dataset.y.dtype == np.int32
    assert [dataset.labels[number] for number in dataset.y[: len(labels)]] == [str(label) for label in labels]


def test_many_numbers_are_numbers_and_keep_their_digits(tmp_path: Path) -> None:
    numbers = [1_700_000_000.25 + row for row in range(ROWS)]
    dataset = read(tmp_path, numbers)
    assert "a number from 1.7e+09 to 1.7e+09" in dataset.detected[0]
    assert dataset.labels == []
    assert dataset.y.tolist() == numbers
    assert sorted(np.concatenate(list(dataset.rows.values()))) == list(range(ROWS))


def test_the_task_decides_where_it_is_asked_for(tmp_path: Path) -> None:
    assert read(tmp_path, [1, 2, 3] * 20, task="regression").y[:3].tolist() == [1.0, 2.0, 3.0]
    assert "as asked" in read(tmp_path, [1, 2, 3] * 20, task="regression").detected[0]
    assert len(read(tmp_path, list(range(ROWS // 3)) * 3, task="classification").labels) == ROWS // 3


def test_numbers_as_people_write_them(tmp_path: Path) -> None:
    dataset = read(tmp_path, [f'"1.{row:03},50"' for row in range(ROWS)])
    assert dataset.y[1] == 1_001.5


def test_rows_without_a_number_are_left_out_and_counted(tmp_path: Path) -> None:
    dataset = read(tmp_path, [*(row + 0.5 for row in range(ROWS)), "", "nan"])
    assert len(dataset.y) == len(dataset.inputs["size"]) == ROWS
    assert "rows without a label left out: 2" in dataset.detected


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        ([*(row + 0.5 for row in range(ROWS)), "inf"], {}, "1 of 61 values that are infinite"),
        (["a", "b"] * 30, {"task": "regression"}, "60 of 60 values that are no numbers, such as 'a'"),
        ([f"name {row}" for row in range(1_100)], {}, "more than 1,000 classes"),
        ([row + 0.5 for row in range(10)], {}, "10 rows have a number to predict, and 20 are needed: bring more"),
        (["a"] * ROWS, {}, "a classifier needs two classes or more"),
    ],
)
def test_what_cannot_be_learned_is_one_error(tmp_path: Path, labels: list[Any], options: Any, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        read(tmp_path, labels, **options)


def test_the_label_has_to_be_named_where_no_name_tells_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,z\n" + "\n".join(f"{row},{row * 2},{row * 3}" for row in range(ROWS)))
    with pytest.raises(UsageError, match=r"no column named like a label: say which with --label-column \(x, y, z\)"):
        tables.read_any(tmp_path / "a.csv", DataOptions())


def test_fraud_names_the_domain_that_takes_more_classes(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="it needs exactly two classes: use 'suite fit table'"):
        tables.read(table(tmp_path / "a.csv", ["a", "b", "c"] * 20), DataOptions(label_column="target"))


def test_numbers_are_split_by_groups_folds_and_files(tmp_path: Path) -> None:
    from suite import domain

    numbers = [row + 0.5 for row in range(ROWS)]
    path = table(tmp_path / "a.csv", numbers)
    dataset = load_data(domain.get("table"), str(path), DataOptions(validation=str(table(tmp_path / "b.csv", [1, 2]))))
    assert dataset.y[dataset.rows["validation"]].tolist() == [1.0, 2.0]
    for rows in folding.folds(dataset, 3, 0):
        assert all(len(part) for part in rows.values())
    lines = [f"{row % 7},{row % 10},{row + 0.5}" for row in range(ROWS)]
    (tmp_path / "c.csv").write_text("\n".join(["size,place,target", *lines]))
    grouped = tables.read_any(tmp_path / "c.csv", DataOptions(group_column="place"))
    assert grouped.groups is not None
    places = [set(grouped.groups[rows]) for rows in grouped.rows.values()]
    assert sum(map(len, places)) == len(set.union(*places)) == 10


def test_labels_of_files_are_read_as_those_of_the_data(tmp_path: Path) -> None:
    """Numbers are classes in a file too, where they are in the data."""
    from suite import domain

    data, file = table(tmp_path / "a.csv", [0.5, 1.5, 2.5] * 20), table(tmp_path / "b.csv", [1.5, 0.5, 2.5] * 2)
    options = DataOptions(task="classification", test=str(file))
    dataset = load_data(domain.get("table"), str(data), options)
    assert [dataset.labels[number] for number in dataset.y[dataset.rows["test"]]] == ["1.5", "0.5", "2.5"] * 2


def test_a_model_is_not_measured_on_another_column_than_its_label(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [row + 0.5 for row in range(ROWS)])
    with pytest.raises(UsageError, match="no column 'price', which is the model's label: name it with --label-column"):
        tables.read_any(path, DataOptions(known_label="price", known_task="regression", undivided=True))


def test_rows_in_memory_are_no_option_to_remember() -> None:
    import pyarrow as pa

    from suite.data.memory import Frame

    options = DataOptions(test=Frame(pa.table({"a": [1]})), validation="b.csv")
    assert options.given() == {"validation": "b.csv"}
