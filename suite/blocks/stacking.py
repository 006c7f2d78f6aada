"""Stacking (Wolpert 1992): scores of models that were fitted before, which a network corrects."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

TREES, LINEAR, NETWORK = "trees", "linear", "mlp"
BASE = (TREES, LINEAR)
MEMBERS = ["trees+linear+mlp", "trees+mlp", "linear+mlp", "mlp", "trees+linear", "trees", "linear"]
INPUT, WEIGHTED = "base_scores", "base_weights"
# Scores of classes differ by at most this: one class is then three million times as likely as another one.
LIMIT = 15.0


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


@keras.saving.register_keras_serializable(package="suite")
class Linear(layers.Layer):  # type: ignore[misc]
    """The scores (N, K) of a linear model of features float32 (N, F) and category ids int32 (N, C).

    `width` is F, `sizes` are those of the categorical columns, and K is `count`. Its weights are set, and not trained.
    """

    def __init__(self, width: int, sizes: Sequence[int], count: int, trainable: bool = False, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, **kwargs)
        self.width, self.sizes, self.count = width, list(sizes), count
        # Where the categories of each column begin among those of all.
        self._starts = np.cumsum([0, *self.sizes[:-1]]).astype(np.int32)

    def build(self, input_shape: Any) -> None:
        settings = {"initializer": "zeros", "trainable": False}
        self.kernel = self.add_weight(shape=(self.width, self.count), name="kernel", **settings)
        self.categories = self.add_weight(shape=(sum(self.sizes), self.count), name="categories", **settings)
        self.bias = self.add_weight(shape=(self.count,), name="bias", **settings)

    def call(self, inputs: Sequence[Any]) -> Any:
        scores = self.bias
        if self.width:
            scores = scores + ops.matmul(ops.cast(inputs[0], "float32"), self.kernel)
        if self.sizes:
            weights = ops.convert_to_tensor(self.categories)
            scores = scores + ops.sum(ops.take(weights, inputs[-1] + self._starts, axis=0), axis=1)
        return scores

    def compute_output_shape(self, shape: Any) -> tuple[int | None, ...]:
        return (shape[0][0], self.count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "sizes": self.sizes, "count": self.count}


def core_tensors(inputs: Mapping[str, Any]) -> list[Any]:
    """Features and category ids, of which one may be absent."""
    return [inputs[name] for name in ("features", "categories") if name in inputs]
