"""Stochastic depth: drops whole branches of a residual network while it trains."""

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="suite")
class StochasticDepth(layers.Layer):  # type: ignore[misc]
    """Drops a branch for a share `rate` of the rows and scales it up for the others; only while training.

    Keeps any shape (N, ...). Huang et al. 2016.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training or not self.rate:
            return x
        one_a_row = (ops.shape(x)[0], *(1 for _ in x.shape[1:]))
        return keras.random.dropout(x, self.rate, noise_shape=one_a_row, seed=self.generator)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
