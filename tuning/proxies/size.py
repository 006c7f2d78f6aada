"""The size of a network as a proxy: what it has to learn with, and how much it computes."""

import math

import keras

from suite.training import architecture
from tuning.proxies import Batch


def parameters(model: keras.Model, batch: Batch) -> float:
    """The number of trainable parameters."""
    return float(sum(math.prod(variable.shape) for variable in model.trainable_variables))


def multiply_adds(model: keras.Model, batch: Batch) -> float:
    """The multiply-adds of one prediction; -inf if the network reads in a loop, whose rounds are not counted."""
    counted = architecture.multiply_adds(model)
    return -math.inf if counted is None else float(counted)
