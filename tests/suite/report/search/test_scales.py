from typing import Any

import pytest
from search_records import dimension, ranked, search_json, trial

from suite.report.search import scales


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([64, 16, 32], {16: 1 / 6, 32: 0.5, 64: 5 / 6}),
        (["b", "a"], {"b": 0.25, "a": 0.75}),
        ([False, True], {False: 0.25, True: 0.75}),
        (["1", "10", "2"], {"1": 1 / 6, "10": 0.5, "2": 5 / 6}),
    ],
)
def test_listed_values_have_equal_distances_and_numbers_their_order(
    values: list[Any], expected: dict[Any, float]
) -> None:
    read = ranked(search_json([dimension("a", values)], [trial(0, {}, 0.5)]))
    scale = scales.scale_for(read.dimensions[0], [])
    assert {value: scale.position(value) for value in expected} == pytest.approx(expected)


def test_logarithmic_axes_have_ticks_at_powers_of_ten() -> None:
    scale = scales.continuous_scale(1e-4, 1e-1, True)
    assert [text for _, text in scale.ticks] == ["0.0001", "0.001", "0.01", "0.1"]
    assert [position for position, _ in scale.ticks] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert scales.continuous_scale(0.0, 0.5, False).position(0.25) == 0.5
