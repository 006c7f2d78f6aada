"""The space of the table of cells (cells.py) as a domain, for methods that need networks and rows."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np
from keras import layers

from suite.artifact import TensorSpec
from suite.blocks.cells import cell
from suite.blocks.types import Augmentation, Head
from suite.data.dataset import Dataset
from suite.domain import Recipe
from suite.domains.image_cls import ImageClassification
from suite.training.data import prepare
from tests.benchmarks import cells
from tests.benchmarks.cells import BATCH, CHANNELS, EDGES, EPOCHS, PEAK_RATE, Operations
from tuning import domain_space
from tuning.ranking import RankingProblem

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

NODES = 2


class Cells(ImageClassification):
    """Stem, cell, half the resolution, the same cell, classes."""

    name: ClassVar[str] = "cells"
    recipe: ClassVar[Recipe] = Recipe(
        epochs=EPOCHS, batch_size=BATCH, optimizer="adam", learning_rate=PEAK_RATE, weight_decay=1e-5
    )

    def build(self, hp: "HyperParameters", preprocessing: dict[str, Any], head: Head) -> keras.Model:
        image = keras.Input((8, 8, 1), dtype="uint8", name="image")
        x = layers.Rescaling(1 / 16, name="rescale")(image)
        x = layers.Conv2D(CHANNELS, 3, padding="same", name="stem")(x)
        x = cell(hp, x, OPERATIONS, NODES, "first")
        x = cell(hp, layers.AveragePooling2D(2, name="half")(x), OPERATIONS, NODES, "second")
        return keras.Model({"image": image}, head(layers.GlobalAveragePooling2D(name="mean")(x)), name="cells")

    def augmentation(self, hp: "HyperParameters") -> Augmentation | None:
        return None


def problem(seed: int, count: int = 3) -> RankingProblem:
    """Find the best networks of the table without it."""
    domain, dataset = Cells(), digits()
    prepared = prepare(domain, dataset)
    return RankingProblem(domain, prepared, domain_space.explore(domain, prepared), EPOCHS, seed, count)


def digits() -> Dataset:
    """The table's rows."""
    data = cells.digits()
    images = np.concatenate([x for x, _ in data.values()])
    rows, start = {}, 0
    for split, (x, _) in data.items():
        rows[split] = np.arange(start, start := start + len(x))
    labels = np.concatenate([y for _, y in data.values()]).astype(np.int32)
    spec = TensorSpec("image", "uint8", (8, 8, 1), kind="image")
    pictures = np.round(16 * images).astype(np.uint8)
    return Dataset({"image": pictures}, labels, [str(digit) for digit in range(10)], rows, [spec])


def operations(values: dict[str, Any]) -> Operations:
    """The canonical operations of hyperparameters."""
    return cells.canonical([values[edge] for edge in EDGES])


def _operation(kind: str, x: Any, name: str) -> Any:
    """One of the table's operations, with the name of its layers."""
    if kind == "none":
        return layers.Rescaling(0.0, name=f"{name}_none")(x)
    if kind == "identity":
        return layers.Identity(name=f"{name}_identity")(x)
    if kind == "average_3x3":
        return layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_average")(x)
    size = 1 if kind == "conv_1x1" else 3
    x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.Conv2D(CHANNELS, size, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


# What is first is built by default, and something has to come through.
OPERATIONS = {kind: partial(_operation, kind) for kind in sorted(cells.OPERATIONS, key="identity".__ne__)}
