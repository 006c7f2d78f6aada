"""Text classification: texts of any script to a label."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite.blocks.types import Head
from suite.data import builtin, texts
from suite.data.dataset import Dataset
from suite.data.options import FILE_OPTIONS, SPLIT_OPTIONS, DataOptions
from suite.data.source import Source
from suite.domain import Domain, Recipe
from suite.preprocessing import adapt

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters


class TextClassification(Domain):
    """Text classification of texts of any length."""

    name: ClassVar[str] = "text_cls"
    summary: ClassVar[str] = "text classification: CSV, TSV, JSON Lines, Parquet, or a folder of .txt files per class"
    kind: ClassVar[str] = "text"
    default_data: ClassVar[str] = "movie_sentiment"
    data_options: ClassVar[tuple[str, ...]] = (
        "text_column",
        "label_column",
        "group_column",
        *FILE_OPTIONS,
        *SPLIT_OPTIONS,
    )
    # Most words are rare: without strong weight decay, their vectors memorise the training texts. Averaged weights at a
    # constant rate can be kept from any epoch, and some data needs ten times the epochs of other data.
    recipe: ClassVar[Recipe] = Recipe(
        epochs=150, batch_size=64, weight_decay=1.0, examples=1_000_000, schedule="constant", average=0.99
    )

    def read(self, source: Source, options: DataOptions) -> Dataset:
        return texts.read(source, options)

    def adapt(self, dataset: Dataset) -> dict[str, Any]:
        return adapt.texts(dataset.inputs["text"][dataset.rows["train"]])

    def build(self, hp: "HyperParameters", preprocessing: dict[str, Any], head: Head) -> "keras.Model":
        from suite.domains.text_cls import model

        return model.build(hp, preprocessing, head)

    def edge_cases(self, dataset: Dataset) -> dict[str, np.ndarray]:
        texts = ["", " \t\n", "?!", "😀👍🏽", "我爱北京天安门", "ΟΔΥΣΣΕΥΣ İstanbul", "don’t stop " * 5_000]
        return {"text": np.array(texts, object)}

    def example(self, task: str = "") -> Dataset:
        return builtin.load(self.default_data, DataOptions()).sample(200)


DOMAIN = TextClassification()
