"""A table of all networks of a small search space, each trained SEEDS times: python -m tests.benchmarks.cells

In the manner of NAS-Bench-201 (Dong & Yang 2020), small enough for two cores: a cell of three edges between three
nodes, one of five operations on each, twice in a network that reads scikit-learn's digits (8 by 8 pixels). Of 125
networks 85 differ by the edges that matter; 25 of these differ from another one only by the place of an identity. Takes
half an hour; goes on with what the file holds already, and prints the noise ceiling.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import artifact
from suite.config import load_tensorflow

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

TABLE = Path(__file__).with_name("figures") / "cells.json"
Operations = tuple[str, ...]
Data = Mapping[str, tuple[np.ndarray, np.ndarray]]
OPERATIONS = ("none", "identity", "conv_1x1", "conv_3x3", "average_3x3")
EDGES = ("0-1", "0-2", "1-2")
CHANNELS = 8
EPOCHS = 12
BATCH = 32
PEAK_RATE = 1e-2
SEEDS = 8
# Few rows to learn from, so that the networks differ, and many to tell them apart.
TRAIN, VALIDATION = 600, 600


@dataclass(frozen=True)
class Entry:
    """What is known of one network: a list holds a value for each seed, `validation` a list for each of its epochs.

    `validation` and `test` are accuracies, `loss` is the validation log loss after the last epoch, `seconds` are those
    of one training.
    """

    operations: Operations
    validation: list[list[float]]
    loss: list[float]
    test: list[float]
    parameters: int
    multiply_adds: int
    seconds: float

    @property
    def accuracies(self) -> list[float]:
        """The validation accuracy of each seed after the last epoch."""
        return [curve[-1] for curve in self.validation]

    @property
    def accuracy(self) -> float:
        """The mean validation accuracy after the last epoch."""
        return float(np.mean(self.accuracies))


def main() -> None:
    """Train the networks that the table lacks."""
    load_tensorflow()
    entries = read() if TABLE.exists() else {}
    data = digits()
    for operations in distinct():
        if operations not in entries:
            entries[operations] = entry = measure(operations, data)
            print(f"{len(entries):3} {entry.accuracy:.4f} {entry.seconds:.1f} s  {' '.join(operations)}", flush=True)
            rows = ",\n".join(json.dumps(asdict(entry)) for entry in entries.values())
            artifact.replace_file(TABLE, f"[\n{rows}\n]\n".encode())
    print(f"Kendall's tau of one training against the mean of the others: {noise_ceiling(entries):.3f}")


def read() -> dict[Operations, Entry]:
    """The table by canonical operations."""
    rows = json.loads(TABLE.read_bytes())
    entries = [Entry(**row | {"operations": tuple(row["operations"])}) for row in rows]
    return {entry.operations: entry for entry in entries}


def distinct() -> list[Operations]:
    """The canonical operations of all networks, each once."""
    return list(dict.fromkeys(map(canonical, product(OPERATIONS, repeat=len(EDGES)))))


def canonical(operations: Sequence[str], edges: Sequence[str] = EDGES) -> Operations:
    """The operations that matter: an edge out of a node that nothing enters, or into one that nothing leaves, is none.

    Networks with equal canonical operations are the same function of the same weights.
    """
    from suite.blocks.cells import canonical

    return tuple(canonical(dict(zip(edges, operations, strict=True))).values())


def noise_ceiling(entries: Mapping[Operations, Entry]) -> float:
    """Kendall's tau of one training against the mean of the others, averaged over the seeds.

    No prediction of a single training can be expected to rank the networks better.
    """
    from scipy.stats import kendalltau

    accuracies = np.array([entry.accuracies for entry in entries.values()])
    taus = [
        kendalltau(accuracies[:, seed], np.delete(accuracies, seed, axis=1).mean(axis=1)).statistic
        for seed in range(accuracies.shape[1])
    ]
    return float(np.mean(taus))


def digits() -> Data:
    """Pictures and labels of the three splits, the same ones always."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order].reshape(-1, 8, 8, 1).astype(np.float32) / 16, y[order]
    ends = {"train": (0, TRAIN), "validation": (TRAIN, TRAIN + VALIDATION), "test": (TRAIN + VALIDATION, len(y))}
    return {split: (x[low:high], y[low:high]) for split, (low, high) in ends.items()}


def measure(operations: Operations, data: Data) -> Entry:
    """Train one network by each seed."""
    import keras

    from suite.training import architecture

    keras.backend.clear_session()
    started = perf_counter()
    training = Training(operations, data)
    results = [training.run(seed) for seed in range(SEEDS)]
    seconds = (perf_counter() - started) / SEEDS
    return Entry(
        operations,
        [result.validation for result in results],
        [result.loss for result in results],
        [result.test for result in results],
        training.model.count_params(),
        architecture.multiply_adds(training.model) or 0,
        round(seconds, 2),
    )


@dataclass(frozen=True)
class Result:
    """Validation accuracy after each epoch; validation log loss and test accuracy after the last."""

    validation: list[float]
    loss: float
    test: float


def train(operations: Operations, seed: int, data: Data) -> Result:
    """Train one network once, as the table's were trained."""
    return Training(operations, data).run(seed)


class Training:
    """One network, which each seed trains from other weights with the same compiled functions.

    Adam, its rate falling to 0 by half a cosine. Before each evaluation, batch normalisation takes mean and variance
    of all training rows.
    """

    def __init__(self, operations: Operations, data: Data) -> None:
        import keras
        import tensorflow as tf

        self.model = network(operations)
        self._operations, self._data = operations, data
        self._steps = -(-TRAIN // BATCH)
        schedule = keras.optimizers.schedules.CosineDecay(PEAK_RATE, EPOCHS * self._steps)
        self._optimizer = keras.optimizers.Adam(schedule)
        self._optimizer.build(self.model.trainable_variables)
        self._loss = keras.losses.SparseCategoricalCrossentropy()
        self._train_epoch, self._predict = tf.function(self._epoch), tf.function(self._probabilities)

    def run(self, seed: int) -> Result:
        """Train from the weights and with the order of rows that the seed gives."""
        import keras

        keras.utils.set_random_seed(seed)
        self.model.set_weights(network(self._operations).get_weights())
        for variable in self._optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        generator = np.random.default_rng(seed)
        curve, loss = [], 0.0
        for _ in range(EPOCHS):
            self._train_epoch(generator.permutation(TRAIN))
            accuracy, loss = self._evaluate("validation")
            curve.append(accuracy)
        return Result(curve, loss, self._evaluate("test")[0])

    def _evaluate(self, split: str) -> tuple[float, float]:
        """Accuracy and log loss."""
        x, y = self._data[split]
        probabilities = self._predict(x)
        accuracy = np.mean(np.argmax(probabilities, axis=1) == y)
        return round(float(accuracy), 4), round(float(self._loss(y, probabilities)), 4)

    def _epoch(self, order: "tf.Tensor") -> None:
        import tensorflow as tf

        x, y = (tf.gather(values, order) for values in self._data["train"])
        for start in tf.range(0, TRAIN, BATCH):
            rows, labels = x[start : start + BATCH], y[start : start + BATCH]
            with tf.GradientTape() as tape:
                loss = self._loss(labels, self.model(rows, training=True))
            variables = self.model.trainable_variables
            self._optimizer.apply(tape.gradient(loss, variables), variables)
        # Without momentum, batch normalisation keeps the statistics of its last batch: here all rows.
        self.model(self._data["train"][0], training=True)

    def _probabilities(self, x: "tf.Tensor") -> "tf.Tensor":
        return self.model(x, training=False)


def network(operations: Operations) -> "keras.Model":
    """Stem, cell, half the resolution, cell, classes."""
    import keras

    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(CHANNELS, 3, padding="same")(image)
    x = cell(operations, x)
    x = keras.layers.AveragePooling2D(2)(x)
    x = cell(operations, x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(x))


def cell(operations: Operations, x: Any) -> Any:
    """Each node is the sum of its incoming edges, or zeros without any."""
    import keras

    nodes: list[Any] = [x, None, None]
    for edge, operation in zip(EDGES, operations, strict=True):
        source, target = map(int, edge.split("-"))
        if operation == "none" or nodes[source] is None:
            continue
        brought = operate(operation, nodes[source])
        nodes[target] = brought if nodes[target] is None else keras.layers.add([nodes[target], brought])
    return keras.layers.Rescaling(0.0)(x) if nodes[-1] is None else nodes[-1]


def operate(operation: str, x: Any) -> Any:
    """One edge's operation; convolutions come after ReLU and before batch normalisation."""
    import keras

    if operation == "identity":
        return x
    if operation == "average_3x3":
        return keras.layers.AveragePooling2D(3, 1, padding="same")(x)
    size = 1 if operation == "conv_1x1" else 3
    x = keras.layers.Conv2D(CHANNELS, size, padding="same", use_bias=False)(keras.layers.ReLU()(x))
    return keras.layers.BatchNormalization(momentum=0.0)(x)


if __name__ == "__main__":
    main()
