"""Fashion-MNIST, embedded (10,000/2,000) and whole (60,000/10,000): our default network against the classic ConvNet.

The rivals learn from all training pictures and are measured after their last epoch; ours takes a tenth of the pictures
to validate on.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from suite.config import load_tensorflow
from tests.benchmarks.convnet import Torch
from tests.benchmarks.results import Row
from tests.benchmarks.shared_data import folder

RIVAL_EPOCHS = 12
CHOSEN = "defaults, from accuracy on a tenth of the embedded training rows"
RIVAL_CHOSEN = f"Adam 0.001, batch 64, {RIVAL_EPOCHS} epochs"


@dataclass(frozen=True)
class Task:
    """A size of the data: where it is (None: embedded), and how many seeds to try."""

    title: str
    source: str | None
    seeds: int


TASKS = {
    "clothes": Task("Fashion-MNIST embedded, 10,000/2,000 (accuracy)", None, 3),
    "all-clothes": Task("Fashion-MNIST whole, 60,000/10,000 (accuracy)", "fashion_mnist", 1),
}


def measure(task: Task) -> list[Row]:
    """Ours and both rivals."""
    load_tensorflow()
    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions

    source = task.source and str(folder(task.source))
    dataset = domains.load_data(registry.get("image_cls"), source, DataOptions())
    test = dataset.rows["test"]
    rest = dataset.known_rows
    images, y = dataset.inputs["image"], dataset.y
    arrays = images[rest], y[rest], images[test], y[test]
    runs = {
        "suite fit image_cls": (lambda seed: _ours(dataset, seed), CHOSEN),
        "classic ConvNet in Keras": (lambda seed: _keras(*arrays, seed), RIVAL_CHOSEN),
        "classic ConvNet in PyTorch": (lambda seed: _torch(*arrays, seed), RIVAL_CHOSEN),
    }
    rows = []
    for name, (run, chosen) in runs.items():
        started = perf_counter()
        scores = [run(seed) for seed in range(task.seeds)]
        rows.append(Row(task.title, name, scores, (perf_counter() - started) / task.seeds, chosen))
        print(
            f"{task.title}: {name} {[round(score, 4) for score in scores]} in {rows[-1].seconds:.0f} s each", flush=True
        )
    return rows


def _ours(dataset: Any, seed: int) -> float:
    from suite import domain as registry
    from suite import workflow
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings

    domain = registry.get("image_cls")
    prepared = prepare(domain, dataset)
    epochs = domain.recipe.epochs_for(len(prepared.rows["train"]))
    hp = workflow.resolve_hyperparameters(domain, prepared, epochs, {})
    outcome = workflow.train(domain, dataset, prepared, hp, TrainingSettings(epochs, seed, prepared.task.objective))
    return outcome.metrics["test"]["accuracy"]


def _keras(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, seed: int) -> float:
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            layers.Input(x.shape[1:]), layers.Rescaling(1 / 255), layers.ZeroPadding2D(2),
            layers.Conv2D(6, 5, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
            layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10),
        ]
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=RIVAL_EPOCHS, verbose=0)
    return float(model.evaluate(x_test, y_test, batch_size=512, verbose=0)[1])


def _torch(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, seed: int) -> float:
    padding = ((0, 0), (2, 2), (2, 2))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "fashion.npz"
        np.savez(
            path, x_train=np.pad(x[..., 0], padding), y_train=y, x_test=np.pad(x_test[..., 0], padding), y_test=y_test
        )
        torch = Torch(path, seed)
        for _ in range(RIVAL_EPOCHS):
            torch.ask("epoch")
        accuracy = torch.ask("accuracy")
        torch.stop()
    return accuracy
