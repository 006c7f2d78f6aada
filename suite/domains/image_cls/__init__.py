"""Image classification: pictures to the label of what they show."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.blocks.types import Augmentation, Head
from suite.data import builtin, images
from suite.data.dataset import Dataset
from suite.data.options import FILE_OPTIONS, SPLIT_OPTIONS, DataOptions
from suite.data.source import Source
from suite.domain import Domain, Recipe
from suite.preprocessing.mirror.image import Form

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

# The classic ConvNet of textbooks, without augmentation.
LENET = {
    "network": "lenet",
    "augment.shift": 0.0,
    "augment.erase": 0.0,
    # It has no normalisation: at the default network's learning rate its units die.
    "training.learning_rate": 2e-3,
    "training.weight_decay": 0.2,
    "training.label_smoothing": 0.0,
}
# A plain network of three convolutions: somewhat less accurate, and four times as fast to train.
QUICK = {
    "epochs": 18,
    "conv.stem": 1,
    "conv.filters": 32,
    "conv.connection": "plain",
    "conv.repeats": 1,
    "pool.pooling": "flatten",
    "pool.dropout": 0.4,
    "dense.depth": 1,
    # Without normalisation a third of these units die in the first epochs.
    "dense.normalization": "batch",
    "augment.shift": 0.0,
    "augment.erase": 0.0,
    "training.batch_size": 64,
    "training.learning_rate": 2e-3,
    "training.weight_decay": 0.2,
    "training.label_smoothing": 0.0,
}


class ImageClassification(Domain):
    """Image classification of pictures uint8 (height, width, channels)."""

    name: ClassVar[str] = "image_cls"
    summary: ClassVar[str] = "image classification: a folder of pictures per class, .npz, idx files or a list of paths"
    kind: ClassVar[str] = "image"
    default_data: ClassVar[str] = "fashion_mnist"
    data_options: ClassVar[tuple[str, ...]] = ("image_size", "label_column", *FILE_OPTIONS, *SPLIT_OPTIONS)
    # On two free cores, 4 minutes for the embedded pictures and 10 for 54,000 of them.
    recipe: ClassVar[Recipe] = Recipe(
        epochs=34, batch_size=128, examples=800_000, patience=12, steps_of_epoch=8, learning_rate=8e-3,
        weight_decay=0.3, label_smoothing=0.1,
    )  # fmt: skip
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({"lenet": LENET, "quick": QUICK})

    def read(self, source: Source, options: DataOptions) -> Dataset:
        return images.read(source, options)

    def adapt(self, dataset: Dataset) -> dict[str, Any]:
        return (dataset.picture or Form(*dataset.inputs["image"].shape[1:])).spec()

    def build(self, hp: "HyperParameters", preprocessing: dict[str, Any], head: Head) -> "keras.Model":
        from suite.domains.image_cls import model

        return model.build(hp, preprocessing, head)

    def augmentation(self, hp: "HyperParameters") -> Augmentation | None:
        from suite.blocks import augment

        return augment.pictures(hp, "augment", "image")

    def edge_cases(self, dataset: Dataset) -> dict[str, np.ndarray]:
        shape = dataset.inputs["image"].shape[1:]
        return {"image": np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)])}

    def example(self, task: str = "") -> Dataset:
        return builtin.load(self.default_data, DataOptions()).sample(120)


DOMAIN = ImageClassification()
