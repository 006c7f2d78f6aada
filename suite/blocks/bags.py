"""Bags of tokens: the tokens of a text, without their order."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters

PADDING = 0


@keras.saving.register_keras_serializable(package="suite")
class EmbeddingBag(layers.Layer):  # type: ignore[misc]
    """The weighted mean of tokens' vectors, with a learned weight for each token; padding (id 0) does not count.

    Ids int32 (N, length) to float32 (N, units): the sum of weight x vector, divided by the Euclidean norm of the
    weights. With inverse document frequencies as weights, that is the TF-IDF bag of tokens times a matrix. Use float32
    in mixed precision too: it sums hundreds of tokens.
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

    def compute_output_spec(self, ids: Any) -> Any:
        # Keras would trace the layer for it, which takes most of the time to build a network for texts.
        return keras.KerasTensor((ids.shape[0], self.units), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary, "units": self.units}


def bags(
    hp: HyperParameters,
    inputs: dict[str, keras.KerasTensor],
    rarity: dict[str, np.ndarray],
    name: str,
    dropout: float = 0.8,
) -> keras.KerasTensor:
    """An embedding bag for each input (words, bigrams, characters), concatenated: ids to float32 (N, inputs x units).

    `rarity` holds the initial weight of every id of an input, such as its inverse document frequency.
    """
    with hp.name_scope(name):
        units = hp.Choice("units", [2, 4, 8, 16, 32, 64, 128], default=16)
        parts = []
        for key, ids in inputs.items():
            bag = EmbeddingBag(len(rarity[key]), units, dtype="float32", name=f"{name}_{key}")
            parts.append(bag(ids))
            bag.weight.embeddings.assign(rarity[key][:, None])
        x = layers.Concatenate(name=f"{name}_join")(parts)
        rate = hp.Float("dropout", 0.0, 0.9, step=0.1, default=dropout)
        return layers.Dropout(rate, name=f"{name}_dropout")(x)
