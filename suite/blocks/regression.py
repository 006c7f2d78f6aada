"""The head of networks that answer with a number: its mean, and an interval around it."""

from typing import Any

import keras
from keras import layers, ops

from suite.artifact import PREDICTION
from suite.blocks.heads import dense_of_members, plus_offset

# A deviation is from 0.001 to 20 times that of all numbers.
LOG_DEVIATION = (-7.0, 3.0)


@keras.saving.register_keras_serializable(package="suite")
class Interval(layers.Layer):  # type: ignore[misc]
    """Means and logarithms of deviations of an ensemble's members (N, members, 2) to prediction and bounds (N, 3).

    The ensemble is the mixture of its members' normal distributions. The bounds lie `margin` deviations beside the
    prediction: one until calibration sets it. Means are in units of `scale` around `centre`, and answers are not.

    While training the output is (N, 3) too, but a, b and c of the members' mean loss a y²/2 - b y + c, so that the
    members learn independently. It is the likelihood of a normal distribution, weighted with the variance such that
    means learn as from squared errors (Seitzer et al. 2022).
    """

    def __init__(self, centre: float = 0.0, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.centre = centre
        self.scale = scale

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.margin = self.add_weight(shape=(), initializer="ones", trainable=False, name="margin")

    def call(self, members: Any, training: bool | None = None) -> Any:
        mean, log_deviation = members[..., 0], ops.clip(members[..., 1], *LOG_DEVIATION)
        if training:
            return _coefficients(mean, log_deviation)
        prediction = ops.mean(mean, axis=1, keepdims=True)
        # Not as the difference of two squares, which loses the digits of a small variance.
        spread = ops.mean(ops.square(mean - prediction), axis=1, keepdims=True)
        variance = ops.mean(ops.exp(2 * log_deviation), axis=1, keepdims=True) + spread
        half = self.margin * ops.sqrt(variance)
        return ops.concatenate([prediction, prediction - half, prediction + half], axis=-1) * self.scale + self.centre

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], 3)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "centre": self.centre, "scale": self.scale}


def _coefficients(mean: Any, log_deviation: Any) -> Any:
    precision = ops.exp(-2 * log_deviation)
    weight = ops.stop_gradient(ops.exp(2 * log_deviation))
    terms = (
        weight * precision,
        weight * precision * mean,
        weight * (precision * ops.square(mean) / 2 + log_deviation),
    )
    return ops.concatenate([ops.mean(term, axis=1, keepdims=True) for term in terms], axis=-1)


def interval(
    x: keras.KerasTensor, centre: float, scale: float, offset: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """A number and an interval: (N, F) to {"prediction": float32 (N, 3)}, which are prediction, lower and upper bound.

    An ensemble's vectors, (N, members, F), get a layer for each member. `offset` (N, 1) is added to the mean of every
    member, in units of `scale` around `centre`. See Interval for what it gives while training.
    """
    members = dense_of_members(x, 2, None, "normal", zero=offset is not None)
    if offset is not None:
        # The second number is the deviation's, which has no offset.
        members = plus_offset(members, ops.pad(offset, [[0, 0], [0, 1]]))
    if len(members.shape) == 2:
        members = layers.Reshape((1, 2), dtype="float32", name="member")(members)
    return {PREDICTION: Interval(centre, scale, dtype="float32", name=PREDICTION)(members)}
