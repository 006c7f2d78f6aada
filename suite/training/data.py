"""Data as a network takes it: preprocessed once, in batches that copy only their own rows."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from suite import task as tasks
from suite.blocks.types import Augmentation, Head
from suite.data.dataset import Dataset, SplitName
from suite.domain import Domain
from suite.preprocessing import mirror
from suite.task import Task
from suite.training.base_models import BaseModels, ScoresInput
from suite.training.thinning import Thinning

ROWS_AT_ONCE = 8_192
MAX_BATCHES_PER_CHUNK = 16
MAX_CHUNK_BYTES = 8_000_000
PREFETCHED = 2


@dataclass
class PreparedData:
    """The core's inputs for every row, truth and splits, and the preprocessing specification.

    `target` is what the task learned for its head and targets. `base` holds models whose scores the network corrects.
    """

    core: dict[str, np.ndarray]
    y: np.ndarray
    rows: dict[SplitName, np.ndarray]
    labels: list[str]
    preprocessing: dict[str, Any]
    task: Task
    target: dict[str, Any]
    base: BaseModels | None = None

    @classmethod
    def of(cls, domain: Domain, dataset: Dataset, preprocessing: dict[str, Any], core: dict[str, np.ndarray]) -> Self:
        """The data of a domain and what its preprocessing learned from it."""
        task = tasks.get(domain.task_of(dataset))
        target = task.target(dataset)
        base = BaseModels.of(task, dataset, target, preprocessing, core) if domain.corrects_base_models else None
        return cls(core, dataset.y, dataset.rows, dataset.labels, preprocessing, task, target, base)

    @property
    def head(self) -> Head:
        """The last layers of a network that learns from this data: scores of base models are one of its inputs."""
        return Head(partial(self.task.head, target=self.target), ScoresInput(self.base) if self.base else None)

    @property
    def complete_head(self) -> Head:
        """The last layers of a network that computes the scores of base models itself."""
        return Head(partial(self.task.head, target=self.target), self.base)

    def split(self, name: SplitName) -> dict[str, np.ndarray]:
        """The core's inputs of one split."""
        return {key: values[self.rows[name]] for key, values in self.core.items()}

    def tensors(self, values: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Values in the order of `core` by name, with their shapes, which TensorFlow cannot infer."""
        named = dict(zip(self.core, values, strict=True))
        for key, tensor in named.items():
            tensor.set_shape((None, *self.core[key].shape[1:]))
        return named


class TrainingChunks(keras.callbacks.Callback):  # type: ignore[misc]
    """Chunks of (inputs, targets, weights) of the training split, in an order that only seed and epoch decide.

    A chunk is a whole number of batches of `size` rows, which suite.training.steps takes apart: with single batches,
    the time in Python between them would dominate for small networks. Targets are those of the task, float32 (N, K),
    before augmentation. It is a callback of the training that it feeds, to know the epoch: a resumed training sees the
    same rows as one that was never stopped. With `thinning`, which does without `oversample`, an epoch sees fewer rows.
    """

    def __init__(
        self,
        prepared: PreparedData,
        size: int,
        *,
        seed: int,
        augmentation: Augmentation | None = None,
        class_weight: float = 0.0,
        oversample: float = 0.0,
        thinning: Thinning | None = None,
    ) -> None:
        super().__init__()
        self._prepared, self._seed, self._augmentation = prepared, seed, augmentation
        row = sum(values[:1].nbytes for values in prepared.core.values())
        self._chunk = size * max(1, min(MAX_BATCHES_PER_CHUNK, MAX_CHUNK_BYTES // (row * size)))
        self._rows = prepared.rows["train"]
        self._width = self._targets(self._rows[:1]).shape[1]
        self._weights = np.ones(len(prepared.y), np.float32) if thinning is None else thinning.weights(len(prepared.y))
        self._weights[self._rows] *= self._rarity_weights(class_weight)
        self._chances = self._rarity_weights(oversample) / len(self._rows) if oversample else None
        self._thinning = thinning
        self._epoch = -1
        self.on_epoch_begin(0)

    def _rarity_weights(self, exponent: float) -> np.ndarray:
        """A weight for each training row, higher for rarer classes; their mean is one."""
        if not exponent:
            return np.ones(len(self._rows), np.float32)
        y = self._prepared.y[self._rows]
        rarity = np.maximum(np.bincount(y, minlength=len(self._prepared.labels)), 1.0) ** -exponent
        return np.asarray(rarity[y] / rarity[y].mean(), np.float32)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch != self._epoch:
            self._order = self._draw(np.random.default_rng((self._seed, epoch)))
            self._epoch = epoch

    def _draw(self, generator: np.random.Generator) -> np.ndarray:
        """The rows of an epoch, in the order in which they are seen."""
        if self._thinning is not None:
            return self._thinning.draw(generator)
        total = len(self._rows)
        if self._chances is None:
            return self._rows[generator.permutation(total)]
        return self._rows[generator.choice(total, total, p=self._chances / self._chances.sum(dtype=np.float64))]

    def _gather(self, number: np.int64) -> list[np.ndarray]:
        rows = self._order[number * self._chunk : (number + 1) * self._chunk]
        seed = np.random.SeedSequence((self._seed, self._epoch, int(number))).generate_state(2).astype(np.int32)
        core = [values[rows] for values in self._prepared.core.values()]
        return [*core, self._targets(rows), self._weights[rows], seed]

    def _targets(self, rows: np.ndarray) -> np.ndarray:
        return self._prepared.task.targets(self._prepared.y[rows], self._prepared.target)

    def dataset(self) -> tf.data.Dataset:
        """The chunks of one epoch, the current one whenever it is iterated."""
        prepared = self._prepared

        # The arrays stay in NumPy: a constant in the graph would be a second copy of them.
        def load(number: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
            types = [*(values.dtype for values in prepared.core.values()), tf.float32, tf.float32, tf.int32]
            *core, targets, weights, seed = tf.numpy_function(self._gather, [number], types)
            inputs = prepared.tensors(core)
            targets.set_shape((None, self._width))
            weights.set_shape((None,))
            seed.set_shape((2,))
            if self._augmentation:
                inputs, targets = self._augmentation(inputs, targets, seed)
            return inputs, targets, weights

        chunks = tf.data.Dataset.range(-(-len(self._order) // self._chunk))
        return _without_autotune(chunks.map(load, num_parallel_calls=2, deterministic=True).prefetch(PREFETCHED))


def _without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The data set without TensorFlow's tuning thread.

    There is nothing to tune, and the end of an epoch waits until that thread wakes up: at worst as long as the epoch.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def prepare(domain: Domain, dataset: Dataset) -> PreparedData:
    """Adapt preprocessing to the training split and apply it to every row."""
    tasks.get(domain.task_of(dataset)).check(dataset)
    preprocessing = domain.adapt(dataset)
    transform = mirror.load(preprocessing)
    # Images stay as they are: parts would only copy them.
    core = transform(dataset.inputs) if preprocessing["kind"] == "image" else _in_parts(transform, dataset)
    return PreparedData.of(domain, dataset, preprocessing, core)


def _in_parts(transform: Any, dataset: Dataset) -> dict[str, np.ndarray]:
    """The core's inputs, transformed a few thousand rows at a time."""
    total = len(dataset.y)
    core: dict[str, np.ndarray] = {}
    for start in range(0, total, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, total))
        for name, values in transform(dataset.take(rows)).items():
            core.setdefault(name, np.empty((total, *values.shape[1:]), values.dtype))[rows] = values
    return core
