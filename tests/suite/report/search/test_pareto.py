from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from suite.report.search import pareto


def dominates(first: Sequence[float], second: Sequence[float], signs: Sequence[int]) -> bool:
    gains = [sign * (a - b) for a, b, sign in zip(first, second, signs, strict=True)]
    return min(gains) >= 0 and max(gains) > 0


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.tuples(
            st.lists(st.lists(st.integers(-3, 3), min_size=width, max_size=width), max_size=20),
            st.lists(st.sampled_from(["max", "min"]), min_size=width, max_size=width),
        )
    )
)
def test_the_front_holds_the_points_that_no_other_dominates(drawn: tuple[list[list[int]], list[str]]) -> None:
    points, directions = drawn
    signs = [1 if direction == "max" else -1 for direction in directions]
    expected = [
        number for number, point in enumerate(points) if not any(dominates(other, point, signs) for other in points)
    ]
    array = np.array(points, np.float64).reshape(-1, len(directions))
    assert pareto.front(array, directions).tolist() == expected
