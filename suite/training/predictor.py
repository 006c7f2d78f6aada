"""Predictions of a network for whole splits, and for other rows."""

import keras
import numpy as np
import tensorflow as tf

from suite.data.dataset import SplitName
from suite.training.data import PreparedData

BATCH = 512


class Predictor:
    """A network's outputs for whole splits, by one traced function for batches of any size."""

    def __init__(self, model: keras.Model, prepared: PreparedData) -> None:
        self._prepared = prepared
        signature = {
            name: tf.TensorSpec((None, *values.shape[1:]), values.dtype) for name, values in prepared.core.items()
        }
        self._run = tf.function(
            lambda inputs: model(inputs, training=False)[prepared.task.output],
            input_signature=[signature],
            autograph=False,
        )

    def predict(self, core: dict[str, np.ndarray]) -> np.ndarray:
        """float32 (N, K) for the core's inputs of N rows, of which there must be some."""
        return self._answers(core, np.arange(len(next(iter(core.values())))))

    def __call__(self, split: SplitName) -> np.ndarray:
        """float32 (N, K)."""
        return self._answers(self._prepared.core, self._prepared.rows[split])

    def _answers(self, core: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
        batches = (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
        return np.concatenate(
            [self._run({name: values[batch] for name, values in core.items()}).numpy() for batch in batches]
        )
