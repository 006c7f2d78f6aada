"""Pictures of one thing each, to the name of that thing."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.data import builtin, images
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.domain import Augmentation, Domain, Recipe

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters


class ImageClassification(Domain):
    """Images (height, width, channels), uint8."""

    name: ClassVar[str] = "image_cls"
    summary: ClassVar[str] = "image classification: a folder of pictures per class, .npz, idx files or a list of paths"
    kind: ClassVar[str] = "image"
    default_data: ClassVar[str] = "fashion_mnist"
    data_options: ClassVar[tuple[str, ...]] = ("image_size", "label_column")
    recipe: ClassVar[Recipe] = Recipe(epochs=18, batch_size=64, weight_decay=0.2)

    def read(self, source: Path, options: DataOptions) -> Dataset:
        return images.read(source, options)

    def adapt(self, dataset: Dataset) -> dict[str, Any]:
        height, width, channels = dataset.inputs["image"].shape[1:]
        return {"kind": "image", "height": height, "width": width, "channels": channels}

    def build(self, hp: "HyperParameters", preprocessing: dict[str, Any], classes: int) -> "keras.Model":
        from suite.domains.image_cls import model

        return model.build(hp, preprocessing, classes)

    def augmentation(self, hp: "HyperParameters") -> Augmentation | None:
        from suite.blocks import augment

        return augment.pictures(hp, "augment", "image")

    def odd(self, dataset: Dataset) -> dict[str, np.ndarray]:
        shape = dataset.inputs["image"].shape[1:]
        return {"image": np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)])}

    def example(self) -> Dataset:
        return builtin.load(self.default_data, DataOptions()).sample(120)


DOMAIN = ImageClassification()
