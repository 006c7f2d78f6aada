"""What preprocessing learns from training rows."""

import numpy as np

from suite.artifact import TensorSpec
from suite.preprocessing import adapt


def edges_of(x: np.ndarray) -> np.ndarray:
    spec = TensorSpec("amount", "float32", (), "amount", "numeric")
    (edges,) = adapt.columns([spec], {"amount": x.astype(np.float32)}, np.arange(len(x)))["edges"]
    return np.array(edges)


def test_bins_are_finer_among_the_highest_and_lowest_rows() -> None:
    x = np.random.default_rng(0).standard_normal(100_000)
    edges = edges_of(x)
    assert (np.diff(edges) > 0).all()
    # The mean is 0 and the deviation near 1, so features are about asinh(x); a 32nd of the rows lies above 1.86.
    assert (edges > np.arcsinh(1.9)).sum() >= 6
    assert (edges < -np.arcsinh(1.9)).sum() >= 6


def test_a_bin_at_the_end_holds_enough_rows_to_learn_from() -> None:
    x = np.random.default_rng(0).standard_normal(500)
    assert len(edges_of(x)) == adapt.BINS + 1


def test_a_column_of_one_value_has_one_bin() -> None:
    low, high = edges_of(np.full(100, 3.0))
    assert low < high
