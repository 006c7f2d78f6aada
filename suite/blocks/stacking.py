"""Stacking (Wolpert 1992): scores of models that were fitted before, which a network corrects."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters

TREES, LINEAR, NETWORK = "trees", "linear", "mlp"
MEMBERS = ["trees+linear+mlp", "trees+mlp", "linear+mlp", "mlp", "trees+linear", "trees", "linear"]
INPUT, WEIGHTED = "base_scores", "base_weights"
# Scores of classes differ by at most this: one class is then three million times as likely as another one.
LIMIT = 15.0


def choose_members(hp: HyperParameters) -> list[str]:
    """What a network for tables consists of: boosted trees, a linear model, and layers that correct both."""
    return str(hp.Choice("members", MEMBERS, default=MEMBERS[0])).split("+")


def bounded(scores: Any, limit: float, of: Any = ops) -> Any:
    """Scores (..., K) that differ by at most `limit`; a single one is from -limit to limit. `of` is ops or NumPy."""
    if not limit:
        return scores
    if scores.shape[-1] == 1:
        return of.clip(scores, -limit, limit)
    return of.maximum(scores, of.max(scores, axis=-1, keepdims=True) - limit)


@keras.saving.register_keras_serializable(package="suite")
class WeightedScores(layers.Layer):  # type: ignore[misc]
    """Scores of several models (N, models, K) to their weighted sum (N, K).

    The weights are set before training, which leaves them as they are. See `bounded` for the limit.
    """

    def __init__(self, limit: float = 0.0, trainable: bool = False, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, **kwargs)
        self.limit = limit

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(shape=(input_shape[1],), initializer="ones", trainable=False, name="kernel")

    def call(self, scores: Any) -> Any:
        return ops.sum(bounded(scores, self.limit) * self.kernel[:, None], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "limit": self.limit}


def linear(
    inputs: Mapping[str, keras.KerasTensor], features: np.ndarray, categories: Sequence[np.ndarray],
    constant: np.ndarray,
) -> keras.KerasTensor:  # fmt: skip
    """The scores (N, K) of a linear model: weights (F, K), (size, K) of each column's categories, and (K,)."""
    parts = []
    if "features" in inputs:
        dense = layers.Dense(len(constant), dtype="float32", trainable=False, name=LINEAR)
        parts.append(dense(inputs["features"]))
        dense.set_weights([features, constant])
    for column, weights in enumerate(categories):
        embedding = layers.Embedding(*weights.shape, dtype="float32", trainable=False, name=f"{LINEAR}_{column}")
        parts.append(embedding(inputs["categories"][:, column]))
        # Without features the constant is part of the first column's weights.
        embedding.set_weights([weights + (constant if column == 0 and "features" not in inputs else 0)])
    return layers.Add(name=f"{LINEAR}_sum")(parts) if len(parts) > 1 else parts[0]
