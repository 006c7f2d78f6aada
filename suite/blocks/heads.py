"""Heads: the last layers, shared by all domains."""

from typing import Any

import keras
from keras import layers, ops

from suite.artifact import PROBABILITIES

MIN_PROBABILITY = 1e-7
MIN_LOG_ARGUMENT = 1e-30


@keras.saving.register_keras_serializable(package="suite")
class Temperature(layers.Layer):  # type: ignore[misc]
    """Probabilities (N, K) with their logits divided by `temperature`, which is one until training has ended.

    Calibration on the validation rows then sets it (suite.training.calibration); the ranking of scores stays the same.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")

    def call(self, probabilities: Any, training: bool | None = None) -> Any:
        if training:
            return probabilities
        return ops.softmax(ops.log(ops.maximum(probabilities, MIN_LOG_ARGUMENT)) / self.temperature)


@keras.saving.register_keras_serializable(package="suite")
class MeanOfMembers(layers.Layer):  # type: ignore[misc]
    """Probabilities of an ensemble's members (N, members, classes) to the ensemble's (N, classes): their mean.

    While training it is their geometric mean, unscaled: its cross-entropy is the mean of the members' own, so that the
    members learn independently (Gorishniy et al. 2025, TabM).
    """

    def call(self, probabilities: Any, training: bool | None = None) -> Any:
        if training:
            return ops.exp(ops.mean(ops.log(ops.maximum(probabilities, MIN_PROBABILITY)), axis=1))
        return ops.mean(probabilities, axis=1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], shape[2])


@keras.saving.register_keras_serializable(package="suite")
class LabelProbabilities(layers.Layer):  # type: ignore[misc]
    """Logits (N, labels), or (N, members, labels) of an ensemble, to the probability that each label holds (N, labels).

    An ensemble's is the mean of its members'. Its logit is divided by `temperature`, as in Temperature.

    While an ensemble trains the output is (N, 2 labels): the geometric means of the members' probabilities that each
    label does not hold, then that it does. Their cross-entropy is the mean of the members' own, as in MeanOfMembers.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")

    def call(self, logits: Any, training: bool | None = None) -> Any:
        is_ensemble = len(logits.shape) == 3
        if training and is_ensemble:
            return ops.exp(ops.mean(ops.log_sigmoid(ops.concatenate([-logits, logits], axis=-1)), axis=1))
        if is_ensemble:
            # Each side by itself, so that neither loses digits when the other is near one.
            fails, holds = ops.mean(ops.sigmoid(-logits), axis=1), ops.mean(ops.sigmoid(logits), axis=1)
            logits = ops.log(ops.maximum(holds, MIN_LOG_ARGUMENT)) - ops.log(ops.maximum(fails, MIN_LOG_ARGUMENT))
        return ops.sigmoid(logits if training else logits / self.temperature)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], shape[-1])


def classification(
    x: keras.KerasTensor, classes: int, offset: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """One class out of several, by softmax: (N, F) to {"probabilities": float32 (N, classes)}; rows sum to one.

    An ensemble's vectors, (N, members, F), get a layer for each member. `offset` (N, classes) is added to the logits of
    every member, which then are zero before training; one of (N, 1) is the second class's logit.
    """
    if offset is None:
        return _calibrated(dense_of_members(x, classes, "softmax", "softmax"))
    if offset.shape[-1] == 1:
        offset = ops.pad(offset, [[0, 0], [1, 0]])
    logits = plus_offset(dense_of_members(x, classes, None, "logits", zero=True), offset)
    return _calibrated(layers.Activation("softmax", dtype="float32", name="softmax")(logits))


def binary(x: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """One of two classes, by one logit z and the sigmoid: {"probabilities": float32 (N, 2)}, rows [1 - p, p].

    Both are sigmoids, of -z and of z, so that neither loses digits when the other is near one. It equals
    `classification` of two classes with the logits 0 and z, with half of the weights, and takes members like it.
    """
    z = dense_of_members(x, 1, None, "logit")
    sides = layers.Concatenate(dtype="float32", name="sides")([-z, z])
    return _calibrated(layers.Activation("sigmoid", dtype="float32", name="sigmoid")(sides))


def multi_label(
    x: keras.KerasTensor, labels: int, offset: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """Any number of labels at once, by sigmoids: {"probabilities": float32 (N, labels)}, independent of each other.

    An ensemble's vectors, (N, members, F), get a layer for each member. Train it with binary cross-entropy; that of an
    ensemble, with suite.training.losses.LabelCrossEntropy. `offset` (N, labels) is as in `classification`.
    """
    logits = dense_of_members(x, labels, None, "logits", zero=offset is not None)
    if offset is not None:
        logits = plus_offset(logits, offset)
    return {PROBABILITIES: LabelProbabilities(dtype="float32", name=PROBABILITIES)(logits)}


def dense_of_members(
    x: keras.KerasTensor, units: int, activation: str | None, name: str, zero: bool = False
) -> keras.KerasTensor:
    """(N, F) to (N, units), or (N, members, F) to (N, members, units) with a layer for each member; always float32.

    Its weights begin as zeros if it is to correct something that is already good.
    """
    settings = {
        "activation": activation, "dtype": "float32", "name": name,
        "kernel_initializer": "zeros" if zero else "glorot_uniform",
    }  # fmt: skip
    if len(x.shape) == 2:
        return layers.Dense(units, **settings)(x)
    if units == 1:  # LiteRT's converter fails on a last axis of one
        flat = layers.EinsumDense("nmf,mf->nm", (x.shape[1],), bias_axes="m", **settings)(x)
        return layers.Reshape((x.shape[1], 1), dtype="float32", name=f"{name}_of_members")(flat)
    return layers.EinsumDense("nmf,mfc->nmc", (x.shape[1], units), bias_axes="mc", **settings)(x)


def plus_offset(scores: keras.KerasTensor, offset: keras.KerasTensor) -> keras.KerasTensor:
    """Scores (N, K), or (N, members, K), plus an offset (N, K) for all members."""
    if len(scores.shape) == 3:
        offset = layers.Reshape((1, offset.shape[-1]), dtype="float32", name="offset_of_members")(offset)
    return layers.Add(dtype="float32", name="corrected")([scores, offset])


def _calibrated(probabilities: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    if len(probabilities.shape) == 3:
        probabilities = MeanOfMembers(dtype="float32", name="members")(probabilities)
    return {PROBABILITIES: Temperature(dtype="float32", name=PROBABILITIES)(probabilities)}
