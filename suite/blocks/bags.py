"""Bags of tokens: what is in a text, whatever the order."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters

PADDING = 0


@keras.saving.register_keras_serializable(package="suite")
class EmbeddingBag(layers.Layer):  # type: ignore[misc]
    """The weighted mean of tokens' vectors, each token with a learned weight; padding (id 0) counts nothing.

    Ids int32 (N, length) to float32 (N, units): the sum of weight x vector over the Euclidean norm of the weights, so
    that with weights of inverse document frequency it is the TF-IDF bag of tokens times a matrix. Meant for float32 in
    mixed precision too: hundreds of tokens are summed.
    """

    def __init__(self, vocabulary: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.units = units
        self.vectors = layers.Embedding(
            vocabulary, units, embeddings_initializer="uniform", dtype=self.dtype_policy, name="vectors"
        )
        self.weight = layers.Embedding(
            vocabulary, 1, embeddings_initializer="ones", dtype=self.dtype_policy, name="weight"
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.vectors.build(input_shape)
        self.weight.build(input_shape)

    def call(self, ids: Any) -> Any:
        present = ops.cast(ops.not_equal(ids, PADDING), "float32")[..., None]
        weight = self.weight(ids) * present
        norm = ops.sqrt(ops.sum(ops.square(weight), axis=1) + 1e-6)
        return ops.sum(self.vectors(ids) * weight, axis=1) / norm

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary, "units": self.units}


def bags(
    hp: HyperParameters, inputs: dict[str, keras.KerasTensor], rarity: dict[str, np.ndarray], name: str
) -> keras.KerasTensor:
    """One embedding bag an input (words, bigrams, characters), side by side: ids to float32 (N, inputs x units).

    `rarity` holds for every id of an input the weight that its bag begins with, such as its inverse document frequency.
    """
    with hp.name_scope(name):
        units = hp.Choice("units", [2, 4, 8, 16, 32, 64, 128], default=16)
        parts = []
        for key, ids in inputs.items():
            bag = EmbeddingBag(len(rarity[key]), units, dtype="float32", name=f"{name}_{key}")
            parts.append(bag(ids))
            bag.weight.embeddings.assign(rarity[key][:, None])
        x = layers.Concatenate(name=f"{name}_join")(parts)
        return layers.Dropout(hp.Float("dropout", 0.0, 0.9, step=0.1, default=0.8), name=f"{name}_dropout")(x)
