"""Columns of a table to one matrix of features and one of category ids."""

from collections.abc import Callable
from typing import Any

import numpy as np

DAY = 86_400.0
WEEK = 7 * DAY
Column = dict[str, Any]


def numeric(x: np.ndarray, column: Column) -> list[np.ndarray]:
    """Centred, scaled, tails drawn in by asinh; missing is 0, and marked where training had missing values."""
    scaled = np.arcsinh((x.astype(np.float32) - np.float32(column["centre"])) / np.float32(column["scale"]))
    missing = np.isnan(scaled)
    features = [np.where(missing, np.float32(0), scaled)]
    return [*features, missing.astype(np.float32)] if column["mark_missing"] else features


def boolean(x: np.ndarray, column: Column) -> list[np.ndarray]:
    """True is 1, False is -1, missing is 0."""
    return [np.where(np.isnan(x), np.float32(0), x.astype(np.float32) * 2 - 1)]


def date(x: np.ndarray, column: Column) -> list[np.ndarray]:
    """Hour of the day and day of the week as points on a circle, and the position in the training period."""
    missing = np.isnan(x)
    seconds = np.where(missing, 0.0, x)
    angles = [2 * np.pi * np.mod(seconds, period) / period for period in (DAY, WEEK)]
    features = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    features.append(np.arcsinh((seconds - column["centre"]) / column["scale"]))
    return [np.where(missing, 0.0, feature).astype(np.float32) for feature in features]


FEATURES: dict[str, Callable[[np.ndarray, Column], list[np.ndarray]]] = {
    "numeric": numeric,
    "boolean": boolean,
    "date": date,
}


class Mirror:
    """Raw columns to {"features": float32 (N, F), "categories": int32 (N, C)}.

    An input that would be empty is left out. A category that training did not see, or a missing one, is 0.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._columns: list[Column] = [column for column in spec["columns"] if column["kind"] != "categorical"]
        self._categories = [
            (column["name"], {value: index for index, value in enumerate(column["vocabulary"], 1)})
            for column in spec["columns"]
            if column["kind"] == "categorical"
        ]

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        core: dict[str, np.ndarray] = {}
        if self._columns:
            features = [x for column in self._columns for x in FEATURES[column["kind"]](inputs[column["name"]], column)]
            core["features"] = np.stack(features, axis=1)
        if self._categories:
            ids = [[index.get(value, 0) for value in inputs[name]] for name, index in self._categories]
            core["categories"] = np.array(ids, np.int32).T.copy()
        return core


def core_inputs(spec: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], str]]:
    """The shape of a row and the dtype of each of the core's inputs."""
    nothing = {column["name"]: np.empty(0, np.float64) for column in spec["columns"]}
    return {name: (values.shape[1:], values.dtype.name) for name, values in Mirror(spec)(nothing).items()}
