"""Deformable convolution: each tap of the kernel has a learned offset."""

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="suite")
class DeformableConv2D(layers.Layer):  # type: ignore[misc]
    """A convolution whose taps have learned offsets and read by bilinear interpolation; zero outside the map.

    float32 (N, height, width, channels) to (N, height, width, filters), stride 1, same padding. Offsets start at zero,
    so that it starts as an ordinary convolution. With `modulated`, each tap also has a learned weight: twice a sigmoid,
    which starts at 1. Dai et al. 2017; modulated: Zhu et al. 2019 (v2).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        modulated: bool = True,
        use_bias: bool = False,
        kernel_initializer: Any = "he_normal",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.modulated = modulated
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        parts = 3 if modulated else 2
        self.offsets = layers.Conv2D(
            parts * kernel_size**2,
            kernel_size,
            padding="same",
            kernel_initializer="zeros",
            name="offsets",
            dtype="float32",  # positions in a large picture need its precision
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, initializer=self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias") if self.use_bias else None
        self.offsets.build(input_shape)

    def call(self, x: Any) -> Any:
        taps = self.kernel_size**2
        moved = self.offsets(x)
        sampled = self._sample(x, moved[..., :taps], moved[..., taps : 2 * taps])
        if self.modulated:
            sampled = sampled * ops.cast(2 * ops.sigmoid(moved[..., 2 * taps :]), x.dtype)[..., None]
        height, width, channels = x.shape[1:]
        columns = ops.reshape(sampled, (-1, height, width, taps * channels))
        result = ops.matmul(columns, ops.reshape(self.kernel, (taps * channels, self.filters)))
        return result if self.bias is None else result + self.bias

    def _sample(self, x: Any, down: Any, across: Any) -> Any:
        """The map's values (N, height, width, taps, channels) at the positions of all taps."""
        height, width, channels = x.shape[1:]
        # An even kernel has one more tap below and to the right, as in same padding.
        grid = ops.arange(self.kernel_size, dtype="float32") - (self.kernel_size - 1) // 2
        tap_rows = ops.repeat(grid, self.kernel_size)
        tap_columns = ops.tile(grid, (self.kernel_size,))
        rows = down + tap_rows + ops.arange(height, dtype="float32")[:, None, None]
        columns = across + tap_columns + ops.arange(width, dtype="float32")[None, :, None]
        top, left = ops.floor(rows), ops.floor(columns)
        flat = ops.reshape(x, (-1, channels))
        first = ops.arange(ops.shape(x)[0])[:, None, None, None] * (height * width)

        def corner(row: Any, column: Any) -> Any:
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            near_row = ops.cast(ops.clip(row, 0, height - 1), "int32")
            near_column = ops.cast(ops.clip(column, 0, width - 1), "int32")
            share = (1 - ops.abs(rows - row)) * (1 - ops.abs(columns - column)) * ops.cast(inside, "float32")
            read = ops.take(flat, first + near_row * width + near_column, axis=0)
            return read * ops.cast(share, x.dtype)[..., None]

        return corner(top, left) + corner(top, left + 1) + corner(top + 1, left) + corner(top + 1, left + 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "modulated": self.modulated,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
