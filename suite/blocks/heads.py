"""The last layers, shared by all domains."""

from typing import Any

import keras
from keras import layers, ops

from suite.artifact import PROBABILITIES

SMALLEST = 1e-7
TINIEST = 1e-30


@keras.saving.register_keras_serializable(package="suite")
class Temperature(layers.Layer):  # type: ignore[misc]
    """Probabilities (N, K) with their logits divided by `temperature`, which is one until training has ended.

    It is then set to what suits the validation rows (suite.training.calibration); the order of scores stays.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")

    def call(self, probabilities: Any, training: bool | None = None) -> Any:
        if training:
            return probabilities
        return ops.softmax(ops.log(ops.maximum(probabilities, TINIEST)) / self.temperature)


@keras.saving.register_keras_serializable(package="suite")
class MeanOfMembers(layers.Layer):  # type: ignore[misc]
    """Probabilities of an ensemble's members (N, members, classes) to the ensemble's (N, classes): their mean.

    While training it is their geometric mean, unscaled: its cross-entropy is the mean of the members' own, so that each
    learns for itself (Gorishniy et al. 2025, TabM).
    """

    def call(self, probabilities: Any, training: bool | None = None) -> Any:
        if training:
            return ops.exp(ops.mean(ops.log(ops.maximum(probabilities, SMALLEST)), axis=1))
        return ops.mean(probabilities, axis=1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], shape[2])


def classification(x: keras.KerasTensor, classes: int) -> dict[str, keras.KerasTensor]:
    """A vector a row (N, F) to {"probabilities": float32 (N, classes)}, each row summing to one.

    Or one a row and member of an ensemble, (N, members, F), each with a layer of its own.
    """
    if len(x.shape) == 3:
        members = x.shape[1]
        x = layers.EinsumDense(
            "nmf,mfc->nmc", (members, classes), bias_axes="mc", activation="softmax", dtype="float32", name="softmax"
        )(x)
        x = MeanOfMembers(name="members")(x)
    else:
        x = layers.Dense(classes, activation="softmax", dtype="float32", name="softmax")(x)
    return {PROBABILITIES: Temperature(name=PROBABILITIES)(x)}
