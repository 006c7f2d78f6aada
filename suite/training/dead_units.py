"""Dead units: units whose output never changes."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers

from suite.training.data import PreparedData
from suite.training.model import values_per_row

TOLERANCE = 1e-6
# Rows in which dead units are counted: enough to tell a dead unit from one that is rarely active, but fewer where the
# network makes so many values of each row that it would take more than about a second; in batches that fit in memory.
MAX_ROWS, MIN_ROWS = 512, 32
MAX_VALUES, MAX_VALUES_PER_BATCH = 200_000_000, 20_000_000
ACTIVATIONS = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU)


def on_validation_rows(model: keras.Model, prepared: PreparedData) -> tuple[dict[str, float], int]:
    """The shares of dead units by layer on some of the validation rows, and the number of those rows."""
    values = values_per_row(model)
    most = int(np.clip(MAX_VALUES // values, MIN_ROWS, MAX_ROWS))
    batch = int(np.clip(MAX_VALUES_PER_BATCH // values, 1, MAX_ROWS))
    rows = prepared.rows["validation"]
    rows = rows[:: max(1, len(rows) // most)][:most]
    batches = (
        {key: inputs[rows[start : start + batch]] for key, inputs in prepared.core.items()}
        for start in range(0, len(rows), batch)
    )
    return dead_units(model, batches), len(rows)


def dead_units(model: keras.Model, batches: Iterable[Any]) -> dict[str, float]:
    """The share of dead units of each layer with an activation, by the layer's name.

    A unit is dead if its output is the same for every row (and place). That is so of a rectifier that is never above
    zero and of a sigmoid that is always saturated; neither passes a gradient. In a feature map a channel is a unit.
    `batches` are inputs as the model takes them.
    """
    activated = [layer for layer in model.layers if has_activation(layer)]
    if not activated:
        return {}
    outputs = keras.Model(model.input, {layer.name: layer.output for layer in activated})
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    for batch in batches:
        for name, values in outputs(batch, training=False).items():
            units = np.reshape(values, (-1, values.shape[-1]))
            lowest[name] = np.minimum(lowest.get(name, np.inf), units.min(axis=0))
            highest[name] = np.maximum(highest.get(name, -np.inf), units.max(axis=0))
    return {name: float(np.mean(highest[name] - low <= TOLERANCE)) for name, low in lowest.items()}


def has_activation(layer: layers.Layer) -> bool:
    """Whether a layer ends in an activation; the softmax of the last layer does not count."""
    function = getattr(layer, "activation", None)
    if function in (keras.activations.linear, keras.activations.softmax):
        return False
    return function is not None or isinstance(layer, ACTIVATIONS)
