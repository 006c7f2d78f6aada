import numpy as np

from suite.training import permutation


def test_rare_classes_are_sampled_whole_and_the_others_stand_for_more() -> None:
    y = np.array([1] * 10 + [0] * 990)
    found = permutation.sample(y, np.arange(1_000), 100)
    assert (y[found.rows] == 1).sum() == 10
    assert (y[found.rows] == 0).sum() == 90
    assert len(set(found.rows)) == 100
    np.testing.assert_allclose(found.weights[y[found.rows] == 1], 1)
    np.testing.assert_allclose(found.weights[y[found.rows] == 0], 11)


def test_few_rows_are_all_taken_and_classes_without_rows_need_none() -> None:
    y = np.array([0, 2, 2, 0, 1])
    found = permutation.sample(y, np.array([0, 1, 3]), 100)
    assert sorted(found.rows) == [0, 1, 3]
    np.testing.assert_allclose(found.weights, 1)
