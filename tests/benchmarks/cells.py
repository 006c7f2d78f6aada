"""A table of all 125 networks of a small search space, each trained and measured: python -m tests.benchmarks.cells

In the manner of NAS-Bench-201 (Dong & Yang 2020), small enough for two cores: a cell of three edges between three
nodes, one of five operations on each, twice in a network that reads scikit-learn's digits (8 by 8 pixels). Every figure
is the mean of SEEDS trainings. Takes some 20 minutes; goes on with what the file holds already.
"""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import artifact
from suite.config import load_tensorflow

if TYPE_CHECKING:
    import keras

TABLE = Path(__file__).with_name("figures") / "cells.json"
OPERATIONS = ("none", "identity", "conv_1x1", "conv_3x3", "average_3x3")
EDGES = ("0-1", "0-2", "1-2")
CHANNELS = 8
EPOCHS = 12
SEEDS = 2
# Few rows to learn from, so that the networks differ, and many to tell them apart.
TRAIN, VALIDATION = 600, 600


def main() -> None:
    """Train the networks that the table lacks."""
    load_tensorflow()
    entries: list[dict[str, Any]] = json.loads(TABLE.read_bytes()) if TABLE.exists() else []
    known = {tuple(entry["operations"]) for entry in entries}
    data = digits()
    for operations in product(OPERATIONS, repeat=len(EDGES)):
        if operations not in known:
            entries.append(measure(operations, data))
            print(f"{len(entries)}  {entries[-1]}", flush=True)
            rows = ",\n".join(json.dumps(entry) for entry in entries)
            artifact.replace_file(TABLE, f"[\n{rows}\n]\n".encode())


def digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pictures and labels of the three splits, the same ones always."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order].reshape(-1, 8, 8, 1).astype(np.float32) / 16, y[order]
    ends = {"train": (0, TRAIN), "validation": (TRAIN, TRAIN + VALIDATION), "test": (TRAIN + VALIDATION, len(y))}
    return {split: (x[low:high], y[low:high]) for split, (low, high) in ends.items()}


def measure(operations: tuple[str, ...], data: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Accuracy on validation after every epoch and on test after the last, parameters and seconds of one network."""
    import keras

    curves, tests, started = [], [], perf_counter()
    for seed in range(SEEDS):
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        model = network(operations)
        model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(*data["train"], 32, EPOCHS, validation_data=data["validation"], verbose=0).history
        curves.append(history["val_accuracy"])
        tests.append(model.evaluate(*data["test"], verbose=0)[1])
    return {
        "operations": operations,
        "validation": [round(float(value), 5) for value in np.mean(curves, axis=0)],
        "test": round(float(np.mean(tests)), 5),
        "parameters": model.count_params(),
        "seconds": round((perf_counter() - started) / SEEDS, 2),
    }


def network(operations: tuple[str, ...]) -> "keras.Model":
    """Stem, cell, half the resolution, cell, classes."""
    import keras

    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(CHANNELS, 3, padding="same")(image)
    x = cell(operations, x)
    x = keras.layers.AveragePooling2D(2)(x)
    x = cell(operations, x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(x))


def cell(operations: tuple[str, ...], x: Any) -> Any:
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
    return keras.layers.BatchNormalization(momentum=0.9)(x)


def read() -> dict[tuple[str, ...], dict[str, Any]]:
    """The table by the operations on the edges."""
    return dict(_by_operations())


def _by_operations() -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for entry in json.loads(TABLE.read_bytes()):
        yield tuple(entry["operations"]), entry


if __name__ == "__main__":
    main()
