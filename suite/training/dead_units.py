"""Units that a training has left dead."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers

TOLERANCE = 1e-6
ACTIVATIONS = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU)


def dead_units(model: keras.Model, batches: Iterable[Any]) -> dict[str, float]:
    """The share of units, by layer with an activation, that answer every row and place with the same value.

    `batches` are inputs as the model takes them. A rectifier that is never above zero is such a unit, and so is a
    sigmoid that is always at its end: no gradient comes through either. In a feature map a channel is a unit.
    """
    active = [layer for layer in model.layers if _bends(layer)]
    if not active:
        return {}
    watch = keras.Model(model.input, {layer.name: layer.output for layer in active})
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    for batch in batches:
        for name, values in watch(batch, training=False).items():
            units = np.reshape(values, (-1, values.shape[-1]))
            lowest[name] = np.minimum(lowest.get(name, np.inf), units.min(axis=0))
            highest[name] = np.maximum(highest.get(name, -np.inf), units.max(axis=0))
    return {name: float(np.mean(highest[name] - low <= TOLERANCE)) for name, low in lowest.items()}


def _bends(layer: layers.Layer) -> bool:
    """Whether a layer's output comes from an activation; the last layer's probabilities are no units of this kind."""
    function = getattr(layer, "activation", None)
    return isinstance(layer, ACTIVATIONS) or function not in (None, keras.activations.linear, keras.activations.softmax)
