import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.data import splits
from suite.data.dataset import Dataset
from suite.errors import SuiteError

COUNTS = st.lists(st.integers(3, 60), min_size=2, max_size=6)


def labelled(counts: list[int]) -> tuple[np.ndarray, list[str]]:
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts), [f"class {i}" for i in range(len(counts))]


@given(COUNTS, st.integers(0, 1000))
def test_stratified_parts_are_disjoint_complete_and_hold_every_class(counts: list[int], seed: int) -> None:
    y, labels = labelled(counts)
    rows = splits.stratified(y, labels, seed)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(len(y)))
    for part in rows.values():
        assert set(y[part]) == set(range(len(counts)))
    for index, count in enumerate(counts):
        assert abs(np.sum(y[rows["test"]] == index) - count * splits.TEST_SHARE) <= 1


@given(COUNTS, st.integers(0, 1000))
def test_the_same_seed_gives_the_same_parts(counts: list[int], seed: int) -> None:
    y, labels = labelled(counts)
    first, second = splits.stratified(y, labels, seed), splits.stratified(y, labels, seed)
    assert all((first[name] == second[name]).all() for name in first)


def test_another_seed_gives_other_parts() -> None:
    y, labels = labelled([50, 50])
    assert (splits.stratified(y, labels, 0)["test"] != splits.stratified(y, labels, 1)["test"]).any()


def test_a_given_test_split_is_kept() -> None:
    y, labels = labelled([20, 20])
    test = np.array([0, 1, 38, 39])
    rows = splits.beside_test_rows(y, labels, test, 0)
    assert (rows["test"] == test).all()
    assert len(rows["validation"]) == 4
    assert not set(test) & {*rows["train"], *rows["validation"]}


@given(st.lists(st.floats(0, 1e6), min_size=20, max_size=200))
def test_in_time_no_row_is_before_an_earlier_split(times: list[float]) -> None:
    moments = np.array(times)
    rows = splits.in_time(np.argsort(moments, kind="stable"))
    assert moments[rows["train"]].max() <= moments[rows["validation"]].min()
    assert moments[rows["validation"]].max() <= moments[rows["test"]].min()


def test_one_class_or_a_class_of_one_row_is_refused() -> None:
    with pytest.raises(SuiteError, match="two classes or more, but the data has only 'class 0'"):
        splits.stratified(*labelled([9]), 0)
    with pytest.raises(SuiteError, match="class 'class 1' has 1 row, and every class needs 3"):
        splits.stratified(*labelled([9, 1]), 0)


def test_a_class_without_training_rows_is_refused() -> None:
    y = np.array([0, 1, 0, 1, 2, 0, 1], np.int32)
    rows: splits.Rows = {"train": np.arange(4), "validation": np.array([5, 6]), "test": np.array([4])}
    with pytest.raises(SuiteError, match="class 'c' appears only in the test rows, not in those for train"):
        splits.check_class_coverage(Dataset({}, y, ["a", "b", "c"], rows, []))
    two: splits.Rows = {"train": np.arange(4), "validation": np.array([5]), "test": np.array([6])}
    with pytest.raises(SuiteError, match=r"class 'b' appears only in the train and test rows, not in those for valid"):
        splits.check_class_coverage(Dataset({}, np.minimum(y, 1), ["a", "b"], two, []))
