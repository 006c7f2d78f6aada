"""An ensemble in one network (Gorishniy et al. 2025, TabM): members share layers, and their inputs differ."""

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="suite")
class Members(layers.Layer):  # type: ignore[misc]
    """A copy of each row for each member of an ensemble, scaled by the member's factors: (N, F) to (N, members, F).

    The factors are learned, and start as random signs.
    """

    def __init__(self, members: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members = members
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        def signs(shape: tuple[int, ...], dtype: Any = None) -> Any:
            return ops.sign(keras.random.uniform(shape, -1.0, 1.0, dtype=dtype, seed=self.seed))

        self.factors = self.add_weight(shape=(self.members, input_shape[-1]), initializer=signs, name="factors")

    def call(self, x: Any) -> Any:
        return x[:, None] * self.factors

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "members": self.members, "seed": self.seed}
