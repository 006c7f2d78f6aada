"""Embeddings of numeric features, a vector for each feature (Gorishniy et al. 2022)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters

FREQUENCY_SCALE = 0.1
KINDS = ["none", "piecewise_linear", "periodic"]


def embedding(
    hp: HyperParameters, features: keras.KerasTensor, edges: Sequence[Sequence[float]], name: str, width: int = 0
) -> keras.KerasTensor | None:
    """Features float32 (N, F) to a vector each, (N, F, units); None if `numeric` is none.

    `edges` holds the bounds of each feature's bins, ascending and at least two. `width` sets the number of units; at 0
    it is a hyperparameter.
    """
    with hp.name_scope(name):
        kind = hp.Choice("numeric", KINDS, default="piecewise_linear")
        if kind == "none":
            return None
        units = width or hp.Choice("numeric_units", [2, 4, 8, 16], default=8)
        # float32 in mixed precision too: bins are narrow, and bfloat16 has only three digits.
        if kind == "piecewise_linear":
            x = PiecewiseLinear(edges, dtype="float32", name=f"{name}_bins")(features)
        else:
            frequencies = hp.Choice("frequencies", [4, 8, 16, 32], default=16)
            x = Periodic(frequencies, dtype="float32", name=f"{name}_waves")(features)
    return layers.Activation("relu", name=f"{name}_relu")(PerFeature(units, name=f"{name}_per_feature")(x))


@keras.saving.register_keras_serializable(package="suite")
class PiecewiseLinear(layers.Layer):  # type: ignore[misc]
    """A piecewise linear encoding: the share of each bin below the feature, 0 to 1; (N, F) to (N, F, most bins)."""

    def __init__(self, edges: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.edges = [list(map(float, bounds)) for bounds in edges]
        bins = max(len(bounds) for bounds in self.edges) - 1
        # A feature with fewer bins than others never reaches the remaining ones.
        self._low = np.full((len(self.edges), bins), np.finfo(np.float32).max / 2, np.float32)
        self._width = np.ones_like(self._low)
        for row, bounds in enumerate(self.edges):
            self._low[row, : len(bounds) - 1] = bounds[:-1]
            self._width[row, : len(bounds) - 1] = np.diff(bounds)

    def call(self, x: Any) -> Any:
        return ops.clip((x[..., None] - self._low) / self._width, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "edges": self.edges}


@keras.saving.register_keras_serializable(package="suite")
class Periodic(layers.Layer):  # type: ignore[misc]
    """Sines and cosines of each feature at learned frequencies: (N, F) to (N, F, 2 x frequencies)."""

    def __init__(self, frequencies: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequencies = frequencies

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (input_shape[-1], self.frequencies)
        normal = keras.initializers.RandomNormal(stddev=FREQUENCY_SCALE)
        self.coefficients = self.add_weight(shape=shape, initializer=normal, name="coefficients")

    def call(self, x: Any) -> Any:
        angles = 2 * np.pi * x[..., None] * self.coefficients
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "frequencies": self.frequencies}


@keras.saving.register_keras_serializable(package="suite")
class PerFeature(layers.Layer):  # type: ignore[misc]
    """A separate dense layer for each feature: (N, F, D) to (N, F, units)."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        features, width = input_shape[1:]
        assert width is not None
        uniform = keras.initializers.RandomUniform(-(width**-0.5), width**-0.5)
        self.kernel = self.add_weight(shape=(features, width, self.units), initializer=uniform, name="kernel")
        self.bias = self.add_weight(shape=(features, self.units), initializer=uniform, name="bias")

    def call(self, x: Any) -> Any:
        return ops.einsum("nfd,fdu->nfu", x, self.kernel) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
