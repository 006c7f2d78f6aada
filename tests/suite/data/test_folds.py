from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suite.data import folding, tables, texts
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError

Y = np.arange(60) % 3 == 0


def dataset(**changes: np.ndarray) -> Dataset:
    plain = Dataset({"x": np.arange(60.0)}, Y.astype(np.int32), ["no", "yes"], {}, [])
    return replace(plain, **changes)


def test_every_row_is_tested_once_and_classes_keep_their_share() -> None:
    folds = list(folding.folds(dataset(), 5, 0))
    assert sorted(np.concatenate([fold["test"] for fold in folds])) == list(range(60))
    for fold in folds:
        assert sorted(np.concatenate(list(fold.values()))) == list(range(60))
        assert Y[fold["test"]].sum() == 4
    assert not np.array_equal(folds[0]["test"], next(folding.folds(dataset(), 5, 1))["test"])


def test_in_time_each_fold_is_tested_on_the_period_after_it() -> None:
    order = np.arange(60)[::-1].copy()
    folds = list(folding.folds(dataset(order=order), 3, 0))
    assert [len(fold["train"]) + len(fold["validation"]) for fold in folds] == [15, 30, 45]
    for fold in folds:
        assert fold["train"].min() > fold["validation"].max() > fold["validation"].min() > fold["test"].max()


def test_groups_stay_whole() -> None:
    groups = np.repeat(np.arange(20), 3)
    folds = list(folding.folds(dataset(groups=groups), 4, 0))
    assert sorted(np.concatenate([fold["test"] for fold in folds])) == list(range(60))
    for fold in folds:
        seen = [set(groups[rows]) for rows in fold.values()]
        assert sum(map(len, seen)) == len(set.union(*seen)) == 20


def test_too_few_rows_or_groups_for_so_many_folds() -> None:
    with pytest.raises(SuiteError, match=r"class 'yes' has 20 rows, too few for 20 folds"):
        list(folding.folds(dataset(), 20, 0))
    with pytest.raises(SuiteError, match="there are 2 groups"):
        list(folding.folds(dataset(groups=np.arange(60) % 2), 4, 0))
    with pytest.raises(SuiteError, match=r"window 1 of 4 in time, the .* rows lack a class"):
        list(folding.folds(dataset(order=np.argsort(Y, kind="stable")), 4, 0))


@pytest.mark.parametrize("kind", ["stratified", "grouped", "in time"])
def test_inner_folds_keep_the_test_rows(kind: str) -> None:
    options = {
        "stratified": {}, "grouped": {"groups": np.arange(60) // 3}, "in time": {"order": np.arange(60)[::-1]}
    }[kind]  # fmt: skip
    held = np.arange(12) if kind == "in time" else np.arange(48, 60)  # the latest, where they are in time
    known = np.setdiff1d(np.arange(60), held)
    whole = replace(dataset(**options), rows={"train": known[:40], "validation": known[40:], "test": held})
    folds = folding.inner_folds(whole, 3, 0)
    assert len(folds) == 3
    for fold in folds:
        assert list(fold["test"]) == list(held)
        assert set(fold["train"]) | set(fold["validation"]) <= set(known)
        assert not set(fold["train"]) & set(fold["validation"])
        if kind == "in time":
            assert min(fold["train"]) > max(fold["validation"])  # time runs backwards here
        if kind == "grouped":
            assert not set(fold["train"] // 3) & set(fold["validation"] // 3)
    if kind != "in time":
        assert sorted(np.concatenate([fold["validation"] for fold in folds])) == list(known)


def payments(path: Path) -> Path:
    rows = [f"{i},{i % 17 + 0.5},c{i // 4},{int(i % 4 == 1)}" for i in range(120)]
    path.write_text("\n".join(["number,amount,customer,fraud", *rows]))
    return path


def test_a_customer_is_in_one_split_only(tmp_path: Path) -> None:
    found = tables.read(payments(tmp_path / "p.csv"), DataOptions(group_column="customer"))
    assert "customer" not in found.inputs
    assert "split: random, rows with the same customer kept together" in found.detected
    assert found.groups is not None
    seen = [set(found.groups[rows]) for rows in found.rows.values()]
    assert sum(map(len, seen)) == 30
    with pytest.raises(UsageError, match=r"did you mean 'customer'"):
        tables.read(tmp_path / "p.csv", DataOptions(group_column="custmer"))
    with pytest.raises(UsageError, match="leave one of them out"):
        tables.read(tmp_path / "p.csv", DataOptions(group_column="customer", time_column="number"))


def test_an_author_is_in_one_split_only(tmp_path: Path) -> None:
    rows = [f"a text number {i} of an author,a{i // 5},{('bad', 'good')[i % 2]}" for i in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["text,author,label", *rows]))
    found = texts.read(tmp_path / "t.csv", DataOptions(group_column="author"))
    assert found.groups is not None
    assert sum(len(set(found.groups[rows])) for rows in found.rows.values()) == 20
