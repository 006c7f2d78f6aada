"""Preprocessing of tables: columns to a matrix of features, a matrix of category ids, and ids of tokens."""

from collections.abc import Callable
from typing import Any

import numpy as np

from suite.preprocessing.mirror import text

DAY = 86_400.0
WEEK = 7 * DAY
# No compressed number is larger: it is asinh of float32's largest.
FARTHEST = 90.0
# Features that differ by less are taken as equal where thresholds and bins are learned: engines round differently, and
# the sines of the same hour on two days differ in their last digits.
GRID = 2.0**-14
Column = dict[str, Any]


def boolean(x: np.ndarray, column: Column) -> list[np.ndarray]:
    """1 for true, -1 for false, 0 for missing."""
    return [np.where(np.isnan(x), np.float32(0), x.astype(np.float32) * 2 - 1)]


def date(x: np.ndarray, column: Column) -> list[np.ndarray]:
    """The time of day and of the week as points on a circle, and the position in the training period."""
    missing = np.isnan(x)
    seconds = np.where(missing, 0.0, x)
    angles = [2 * np.pi * np.mod(seconds, period) / period for period in (DAY, WEEK)]
    features = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    features.append(np.arcsinh((seconds - column["centre"]) / column["scale"]))
    return [np.where(missing, 0.0, feature).astype(np.float32) for feature in features]


FEATURES: dict[str, Callable[[np.ndarray, Column], list[np.ndarray]]] = {"boolean": boolean, "date": date}
WIDTHS = {"boolean": 1, "date": 5}


def is_wide(column: Column) -> bool:
    """Whether a numeric column's input is float64."""
    return bool(column.get("dtype") == "float64")


class Numeric:
    """All numeric columns at once: centred, scaled, and compressed by asinh.

    Columns of float64 are centred before they become float32, since that would lose the digits in which they differ.
    Missing values are 0, with a feature that marks them where the training rows had missing values.
    """

    def __init__(self) -> None:
        self._columns: list[Column] = []
        self._positions: list[int] = []

    def add(self, column: Column, position: int) -> int:
        """Add a column whose features begin at a position; return their number."""
        self._columns.append(column)
        self._positions.append(position)
        return 1 + bool(column["mark_missing"])

    def end(self) -> None:
        """Prepare the arrays, after the last column."""
        self._names = [column["name"] for column in self._columns]
        self._far_centres = [column["centre"] if is_wide(column) else 0.0 for column in self._columns]
        centres = [[0.0 if is_wide(column) else column["centre"]] for column in self._columns]
        self._centres = np.array(centres, np.float32)
        self._scales = np.array([[column["scale"]] for column in self._columns], np.float32)
        self._marked = np.array([bool(column["mark_missing"]) for column in self._columns], bool)
        self._marks = np.array(self._positions, int)[self._marked] + 1

    def write(self, inputs: dict[str, np.ndarray], features: np.ndarray) -> None:
        """Write the columns' features into (F, N)."""
        if not self._names:
            return
        found = [
            inputs[name] - far if far else inputs[name]
            for name, far in zip(self._names, self._far_centres, strict=True)
        ]
        # The largest numbers overflow where the scale is small.
        with np.errstate(over="ignore"):
            scaled = np.array(found, np.float32)
            scaled -= self._centres
            scaled /= self._scales
        np.arcsinh(scaled, out=scaled)
        np.minimum(scaled, FARTHEST, out=scaled)
        np.maximum(scaled, -FARTHEST, out=scaled)
        missing = np.isnan(scaled)
        scaled[missing] = 0
        features[self._positions] = scaled
        if self._marks.size:
            features[self._marks] = missing[self._marked]


def text_columns(spec: dict[str, Any]) -> list[tuple[Column, dict[str, str]]]:
    """Every text column, and the names of the core's inputs for its words, bigrams and character n-grams."""
    columns = [column for column in spec["columns"] if column["kind"] == "text"]
    return [(column, {token: f"text_{index}_{token}" for token in text.TOKENS}) for index, column in enumerate(columns)]


class Mirror:
    """Raw columns to {"features": float32 (N, F), "categories": int32 (N, C)}, and ids of tokens for each text column.

    An empty one is left out. Missing categories, and those unknown from training, are 0.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._numeric, self._others, self._width = Numeric(), list[tuple[Column, slice]](), 0
        for column in spec["columns"]:
            kind = column["kind"]
            if kind == "numeric":
                self._width += self._numeric.add(column, self._width)
            elif kind in FEATURES:
                self._others.append((column, slice(self._width, self._width + WIDTHS[kind])))
                self._width += WIDTHS[kind]
        self._numeric.end()
        self._categories = [
            (column["name"], {value: index for index, value in enumerate(column["vocabulary"], 1)})
            for column in spec["columns"]
            if column["kind"] == "categorical"
        ]
        self._texts = [(column["name"], text.Mirror(column), names) for column, names in text_columns(spec)]

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        core: dict[str, np.ndarray] = {}
        if self._width:
            features = np.empty((self._width, len(next(iter(inputs.values())))), np.float32)
            self._numeric.write(inputs, features)
            for column, positions in self._others:
                features[positions] = FEATURES[column["kind"]](inputs[column["name"]], column)
            core["features"] = np.ascontiguousarray(features.T)
        if self._categories:
            ids = [[index.get(value, 0) for value in inputs[name]] for name, index in self._categories]
            core["categories"] = np.array(ids, np.int32).T.copy()
        for column, mirror, names in self._texts:
            core |= {names[token]: ids for token, ids in mirror({"text": inputs[column]}).items()}
        return core


def core_inputs(spec: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], str]]:
    """The shape of a row and the dtype of each of the core's inputs."""
    no_rows = {column["name"]: np.empty(0, np.float64) for column in spec["columns"]}
    return {name: (values.shape[1:], values.dtype.name) for name, values in Mirror(spec)(no_rows).items()}


def sizes(spec: dict[str, Any]) -> list[int]:
    """How many ids each categorical column has, with that of missing and unknown ones."""
    return [len(column["vocabulary"]) + 1 for column in spec["columns"] if column["kind"] == "categorical"]


def marks(spec: dict[str, Any]) -> dict[int, int]:
    """The position of the feature that is 1 where another one is missing, by that one's position."""
    found, position = {}, 0
    for column in spec["columns"]:
        if column["kind"] == "numeric":
            if column["mark_missing"]:
                found[position] = position + 1
            position += 1 + bool(column["mark_missing"])
        else:
            position += WIDTHS.get(column["kind"], 0)
    return found
