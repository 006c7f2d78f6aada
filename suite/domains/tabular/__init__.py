"""What domains of tables share: preprocessing, networks, recipe and edge cases."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.artifact import TensorSpec
from suite.blocks.types import Head
from suite.data.dataset import Dataset
from suite.data.options import FILE_OPTIONS, SPLIT_OPTIONS
from suite.domain import MIN_EPOCHS, Domain, Recipe
from suite.preprocessing import adapt

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

DATA_OPTIONS = ("label_column", "time_column", "group_column", "date_order", *FILE_OPTIONS, *SPLIT_OPTIONS)


@dataclass(frozen=True)
class TableRecipe(Recipe):
    """A recipe with fewer epochs for more rows: epochs fall with the cube root of the rows, so steps still grow.

    `epochs` is the number for a thousand rows. From a few hundred to a few hundred thousand rows, this is near the
    number that scored best on validation rows.
    """

    def epochs_for(self, rows: int) -> int:
        return max(MIN_EPOCHS, round(self.epochs * math.cbrt(1_000 / rows)))


class TabularDomain(Domain):
    """Numeric, boolean, categorical, date and text columns; `dropout` is the default of the trunk."""

    kind: ClassVar[str] = "table"
    dropout: ClassVar[float] = 0.2
    recipe: ClassVar[Recipe] = TableRecipe(epochs=70, batch_size=256, learning_rate=4e-3, weight_decay=3e-2)

    def adapt(self, dataset: Dataset) -> dict[str, Any]:
        return adapt.columns(dataset.specs, dataset.inputs, dataset.rows["train"])

    def build(self, hp: "HyperParameters", preprocessing: dict[str, Any], head: Head) -> "keras.Model":
        from suite.domains.tabular import model

        return model.build(hp, preprocessing, head, self.dropout)

    def edge_cases(self, dataset: Dataset) -> dict[str, np.ndarray]:
        def missing_and_extreme(spec: TensorSpec) -> np.ndarray:
            if spec.kind == "text":
                return np.array(["", "don’t stop " * 5_000, "ΟΔΥΣΣΕΥΣ İstanbul?! 我爱北京天安门 é\t😀"], object)
            if spec.kind == "categorical":
                return np.array(["", "no such category", "é\t😀"], object)
            return np.array([np.nan, 0.0, 1e9], spec.dtype)

        return {spec.name: missing_and_extreme(spec) for spec in dataset.specs}
