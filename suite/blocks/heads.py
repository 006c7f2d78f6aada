"""The last layer, shared by all domains."""

import keras
from keras import layers

from suite.artifact import PROBABILITIES


def classification(x: keras.KerasTensor, classes: int) -> dict[str, keras.KerasTensor]:
    """A vector a row to {"probabilities": float32 (N, classes)}, each row summing to one."""
    return {PROBABILITIES: layers.Dense(classes, activation="softmax", dtype="float32", name=PROBABILITIES)(x)}
