"""A data set as the network takes it: preprocessed once, in batches that copy only their own rows."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from suite.data import splits
from suite.data.dataset import Dataset, SplitName
from suite.domain import Augmentation, Domain
from suite.preprocessing import mirror

CHUNK = 8_192
BATCHES = 16
CHUNK_BYTES = 8_000_000
AHEAD = 2


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

    def batches(self, name: SplitName, size: int) -> tf.data.Dataset:
        """The inputs of one split by name, in order, in batches."""
        rows, keys = self.rows[name], list(self.core)

        def gather(step: np.int64) -> list[np.ndarray]:
            return [self.core[key][rows[step * size : (step + 1) * size]] for key in keys]

        def load(step: tf.Tensor) -> tuple[dict[str, tf.Tensor]]:
            return (self.tensors(tf.numpy_function(gather, [step], [self.core[key].dtype for key in keys])),)

        return _untuned(tf.data.Dataset.range(-(-len(rows) // size)).map(load).prefetch(AHEAD))

    def tensors(self, values: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Values in the order of `core` by name, with the shapes that TensorFlow cannot know."""
        named = dict(zip(self.core, values, strict=True))
        for key, tensor in named.items():
            tensor.set_shape((None, *self.core[key].shape[1:]))
        return named


class TrainingRows(keras.callbacks.Callback):  # type: ignore[misc]
    """Chunks of (inputs, targets, weights) of the training split, in an order that only seed and epoch decide.

    A chunk is some whole batches of `size` rows, which suite.training.steps takes apart again: small networks are
    otherwise bound by Python between the batches. Targets are float32 (N, classes), one-hot before augmentation. A
    callback of the training it feeds, to hear which epoch it is: one that is resumed sees what it would have seen.
    """

    def __init__(
        self,
        prepared: Prepared,
        size: int,
        *,
        seed: int,
        augmentation: Augmentation | None = None,
        class_weight: float = 0.0,
        oversample: float = 0.0,
    ) -> None:
        super().__init__()
        self._prepared, self._seed, self._augmentation = prepared, seed, augmentation
        row = sum(values[:1].nbytes for values in prepared.core.values())
        self._chunk = size * max(1, min(BATCHES, CHUNK_BYTES // (row * size)))
        self._rows = prepared.rows["train"]
        self._one_hot = np.eye(len(prepared.labels), dtype=np.float32)
        self._weights = self._rarity(class_weight)
        self._chances = self._rarity(oversample) / len(self._rows) if oversample else None
        self._epoch = -1
        self._order = self._rows
        self.on_epoch_begin(0)

    def _rarity(self, exponent: float) -> np.ndarray:
        """A weight a training row, higher the rarer its class; their mean is one."""
        y = self._prepared.y[self._rows]
        rarity = np.maximum(np.bincount(y, minlength=len(self._one_hot)), 1.0) ** -exponent
        return np.asarray(rarity[y] / rarity[y].mean(), np.float32)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch != self._epoch:
            generator = np.random.default_rng((self._seed, epoch))
            total = len(self._rows)
            self._order = (
                generator.permutation(total)
                if self._chances is None
                else generator.choice(total, total, p=self._chances / self._chances.sum(dtype=np.float64))
            )
            self._epoch = epoch

    def _gather(self, number: np.int64) -> list[np.ndarray]:
        picked = self._order[number * self._chunk : (number + 1) * self._chunk]
        rows = self._rows[picked]
        seed = np.random.SeedSequence((self._seed, self._epoch, int(number))).generate_state(2).astype(np.int32)
        core = [values[rows] for values in self._prepared.core.values()]
        return [*core, self._one_hot[self._prepared.y[rows]], self._weights[picked], seed]

    def dataset(self) -> tf.data.Dataset:
        """The chunks of one epoch: which one is decided when it is begun."""
        prepared, classes = self._prepared, len(self._one_hot)

        # The arrays stay in NumPy: a constant in the graph would hold all of them a second time.
        def load(number: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
            types = [*(values.dtype for values in prepared.core.values()), tf.float32, tf.float32, tf.int32]
            *core, targets, weights, seed = tf.numpy_function(self._gather, [number], types)
            inputs = prepared.tensors(core)
            targets.set_shape((None, classes))
            weights.set_shape((None,))
            seed.set_shape((2,))
            if self._augmentation:
                inputs, targets = self._augmentation(inputs, targets, seed)
            return inputs, targets, weights

        chunks = tf.data.Dataset.range(-(-len(self._rows) // self._chunk))
        return _untuned(chunks.map(load, num_parallel_calls=2, deterministic=True).prefetch(AHEAD))


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same without a thread that tunes it: there is nothing to tune, and the end of an epoch would wait for that
    thread to wake, as long as the epoch took where it comes at the wrong moment."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def prepare(domain: Domain, dataset: Dataset) -> Prepared:
    """Adapt preprocessing to the training split and apply it to every row, chunk by chunk."""
    splits.check_taught(dataset)
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
