"""Nested lists are read exactly as NumPy reads them, or refused."""

import json
from typing import Any

import numpy as np
import pytest
import simdjson
from hypothesis import given
from hypothesis import strategies as st

from serving.codecs import json_arrays as arrays
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError

numbers = st.integers(-2, 258) | st.sampled_from([0.0, 1.5, 255.0, -0.0, 2**63, 2**64 - 1, -(2**63), 1e300])
others = st.none() | st.booleans() | st.just("1")
lists = st.recursive(numbers | others, lambda inner: st.lists(inner, max_size=4), max_leaves=20)
shapes = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


@st.composite
def almost_regular(draw: st.DrawFn) -> list[Any]:
    """Rows of one shape, in some of which one thing is wrong somewhere."""
    shape = (draw(st.integers(1, 3)), *draw(shapes))
    rows: list[Any] = np.array(
        draw(st.lists(numbers, min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))), object
    )
    rows = np.reshape(rows, shape).tolist()
    if draw(st.booleans()):
        place = rows
        for length in shape[: draw(st.integers(0, len(shape) - 1))]:
            place = place[draw(st.integers(0, length - 1))]
        place[draw(st.integers(0, len(place) - 1))] = draw(lists)
    return rows


def check(rows: list[Any], shape: tuple[int, ...], dtype: str) -> None:
    text = json.dumps({"instances": rows}).encode()
    instances = simdjson.Parser().parse(text)["instances"]
    try:
        found = arrays.read(instances, text, [shape], dtype, NO_DEADLINE)
    except ServiceError:
        return
    expected = np.asarray(rows)
    assert found.dtype == dtype
    assert found.shape == expected.shape == (len(rows), *shape)
    np.testing.assert_array_equal(found, expected.astype(dtype))


@given(st.lists(lists, min_size=1, max_size=4), shapes, st.sampled_from(["uint8", "int64", "float32"]))
def test_any_list(rows: list[Any], shape: tuple[int, ...], dtype: str) -> None:
    check(rows, shape, dtype)


@given(almost_regular(), st.sampled_from(["uint8", "int64", "float64"]))
def test_almost_regular_lists(rows: list[Any], dtype: str) -> None:
    text = json.dumps(rows).encode()
    shape = arrays.found_shape(simdjson.Parser().parse(text))[1:]
    check(rows, shape, dtype)


@given(shapes, st.data())
def test_regular_lists_are_accepted(shape: tuple[int, ...], data: st.DataObject) -> None:
    count = int(np.prod(shape)) * 2
    values = data.draw(st.lists(st.integers(0, 255), min_size=count, max_size=count))
    rows = np.reshape(values, (2, *shape))
    text = json.dumps({"model": "x", "instances": rows.tolist(), "version": 1}).encode()
    instances = simdjson.Parser().parse(text)["instances"]
    np.testing.assert_array_equal(arrays.read(instances, text, [shape], "uint8", NO_DEADLINE), rows)


@pytest.mark.parametrize("row", [[[], [1, 2]], [1, [[2]]], [[1, 2], []]])
def test_lists_whose_numbers_only_add_up_are_refused(row: list[Any]) -> None:
    text = json.dumps([row]).encode()
    with pytest.raises(ServiceError):
        arrays.read(simdjson.Parser().parse(text), text, [(2,), (2, 1)], "uint8", NO_DEADLINE)


def test_a_nan_that_signals_is_one_like_others() -> None:
    signalling = np.array([0x7FF0000000000001, 0], np.uint64).view(np.float64)
    narrowed = arrays.narrow(signalling, np.dtype(np.float32))
    assert narrowed is not None
    assert np.isnan(narrowed).tolist() == [True, False]
    assert arrays.narrow(signalling, np.dtype(np.uint8)) is None
