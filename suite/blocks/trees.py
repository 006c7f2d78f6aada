"""Boosted trees as fixed tensors of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from suite.blocks.stacking import core_tensors

# No feature is as large: what a missing value is moved by, to lie on one side of every threshold.
FAR = 1_000.0
INDICES = ("features", "marks", "conditions")


@dataclass(frozen=True)
class Forest:
    """Trees of up to L leaves and I = L - 1 conditions, in arrays: T trees, and G scores that they add up to.

    A condition holds for a row if feature `features` (U,) is at most `thresholds` (U,), or if a column's category is in
    a set: `sets` has, for each categorical column, a row for every category with 1 for each set that it is in. A
    missing feature is 0, and column `marks` (U,) is 1 for it: `sides` (U,) is -1 where it then holds, 1 where it does
    not, and 0 where the feature is never missing.

    `conditions` (T x I,) numbers those of each tree: thresholds first, then sets in the order of the columns. `paths`
    (T, I, L) is 1 where a condition must hold on the way to a leaf, -1 where it must not, else 0. `depths` (T, L)
    counts those that must hold, and a leaf that a tree lacks is never reached. `values` (T, L) are those of the leaves,
    and `groups` (T, G) is 1 for the score to which a tree adds them, else 0.
    """

    features: np.ndarray
    thresholds: np.ndarray
    marks: np.ndarray
    sides: np.ndarray
    sets: Sequence[np.ndarray]
    conditions: np.ndarray
    paths: np.ndarray
    depths: np.ndarray
    values: np.ndarray
    groups: np.ndarray


@keras.saving.register_keras_serializable(package="suite")
class Trees(layers.Layer):  # type: ignore[misc]
    """The scores of a forest, float32 (N, G), of features float32 (N, F) and category ids int32 (N, C).

    It compares all nodes at once and matches the leaves by a matrix product (Nakandala et al. 2020, Hummingbird), which
    every runtime can do; nothing walks down a tree. `shapes` are those of the forest's arrays, which are its weights
    and are not trained.
    """

    def __init__(self, shapes: Mapping[str, Any], trainable: bool = False, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, **kwargs)
        self.shapes = dict(shapes)

    @classmethod
    def of(cls, forest: Forest, inputs: Mapping[str, keras.KerasTensor], name: str) -> keras.KerasTensor:
        """The scores of a forest, by a layer of that name."""
        shapes = {key: list(np.shape(value)) for key, value in vars(forest).items() if key != "sets"}
        layer = cls(shapes | {"sets": [list(table.shape) for table in forest.sets]}, dtype="float32", name=name)
        scores = layer(core_tensors(inputs))
        for key, variable in layer.arrays.items():
            variable.assign(getattr(forest, key))
        for variable, table in zip(layer.sets, forest.sets, strict=True):
            variable.assign(table)
        return scores

    @property
    def inner_values(self) -> int:
        """How many values it computes for a row."""
        trees, conditions, leaves = self.shapes["paths"]
        return int(2 * trees * (conditions + leaves))

    def build(self, input_shape: Any) -> None:
        self.arrays = {
            key: self.add_weight(
                shape=shape, dtype="int32" if key in INDICES else "float32",
                initializer="zeros", trainable=False, name=key,
            )
            for key, shape in self.shapes.items() if key != "sets"
        }  # fmt: skip
        self.sets = [
            self.add_weight(shape=shape, dtype="int8", initializer="zeros", trainable=False, name=f"set_{index}")
            for index, shape in enumerate(self.shapes["sets"])
        ]

    def call(self, inputs: Sequence[Any]) -> Any:
        parts = []
        of = {key: ops.convert_to_tensor(variable) for key, variable in self.arrays.items()}
        if of["thresholds"].shape[0]:
            features = ops.cast(inputs[0], "float32")
            x = ops.take(features, of["features"], axis=1)
            x = x + FAR * of["sides"] * ops.take(features, of["marks"], axis=1)
            parts.append(ops.cast(x <= of["thresholds"], "float32"))
        for index, table in enumerate(self.sets):
            if table.shape[1]:
                parts.append(ops.cast(ops.take(ops.convert_to_tensor(table), inputs[-1][:, index], axis=0), "float32"))
        holds = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        holds = ops.reshape(ops.take(holds, of["conditions"], axis=1), (-1, *of["paths"].shape[:2]))
        met = ops.einsum("nti,til->ntl", holds, of["paths"])
        reached = ops.cast(met > of["depths"] - 0.5, "float32")
        answers = ops.sum(reached * of["values"], axis=2)
        return ops.matmul(answers, of["groups"])

    def compute_output_shape(self, shape: Any) -> tuple[int | None, ...]:
        return (shape[0][0], self.shapes["groups"][1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shapes": self.shapes}
