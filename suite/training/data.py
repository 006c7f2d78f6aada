"""A data set as the network takes it: preprocessed once, in batches that copy only their own rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from suite.data.dataset import Dataset, SplitName
from suite.domain import Domain
from suite.preprocessing import mirror

CHUNK = 8_192


@dataclass
class Prepared:
    """The core's inputs for every row, and what the network has to know of them."""

    core: dict[str, np.ndarray]
    y: np.ndarray
    rows: dict[SplitName, np.ndarray]
    labels: list[str]
    preprocessing: dict[str, Any]

    def split(self, name: SplitName) -> dict[str, np.ndarray]:
        """The core's inputs of one split."""
        return {key: values[self.rows[name]] for key, values in self.core.items()}

    def batches(self, name: SplitName, size: int, *, seed: int | None = None) -> tf.data.Dataset:
        """Batches of (inputs, y) of one split; shuffled anew each epoch if there is a seed."""
        rows = self.rows[name]
        indices = tf.data.Dataset.from_tensor_slices(rows)
        if seed is not None:
            indices = indices.shuffle(len(rows), seed=seed, reshuffle_each_iteration=True)
        keys = list(self.core)

        # The arrays stay in NumPy: a constant in the graph would hold all of them a second time.
        def gather(batch: np.ndarray) -> list[np.ndarray]:
            return [*(self.core[key][batch] for key in keys), self.y[batch]]

        def load(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            types = [*(self.core[key].dtype for key in keys), self.y.dtype]
            *inputs, y = tf.numpy_function(gather, [batch], types, stateful=False)
            for key, tensor in zip(keys, inputs, strict=True):
                tensor.set_shape((None, *self.core[key].shape[1:]))
            y.set_shape((None,))
            return dict(zip(keys, inputs, strict=True)), y

        return indices.batch(size).map(load).prefetch(4)


def prepare(domain: Domain, dataset: Dataset) -> Prepared:
    """Adapt preprocessing to the training split and apply it to every row, chunk by chunk."""
    preprocessing = domain.adapt(dataset)
    transform = mirror.load(preprocessing)
    # Images go in as they are: chunks would only copy them.
    core = transform(dataset.inputs) if preprocessing["kind"] == "image" else _in_chunks(transform, dataset)
    return Prepared(core, dataset.y, dataset.rows, dataset.labels, preprocessing)


def _in_chunks(transform: Any, dataset: Dataset) -> dict[str, np.ndarray]:
    total = len(dataset.y)
    core: dict[str, np.ndarray] = {}
    for start in range(0, total, CHUNK):
        rows = slice(start, min(start + CHUNK, total))
        for name, values in transform(dataset.take(rows)).items():
            core.setdefault(name, np.empty((total, *values.shape[1:]), values.dtype))[rows] = values
    return core
