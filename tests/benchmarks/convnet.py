"""Seconds an epoch of the classic ConvNet (preset `lenet`), 60,000 images, batch 64: ours against PyTorch.

Both networks, Adam with the same rate, train in turns on the same two cores, PAIRS epochs each after a first one that
does not count. Prints the median ratio with its quartiles, and both test accuracies.
"""

import statistics
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from suite.config import load_tensorflow
from tests.benchmarks import rivals
from tests.benchmarks.shared_data import folder

PAIRS = 9
TORCH = "torch==2.13.0"
SETTINGS = {"training.optimizer": "adam", "training.learning_rate": 1e-3, "training.schedule": "constant",
            "training.weight_decay": 1e-5, "training.batch_size": 64, "training.clip": 0.0}  # fmt: skip


class Ours:
    """The suite's own training, an epoch at a time."""

    def __init__(self, dataset: Any) -> None:
        from suite import domain as registry
        from suite.training import fit, hyperparameters, model, steps
        from suite.training.data import TrainingChunks, prepare

        domain = registry.get("image_cls")
        self._prepared = prepare(domain, dataset)
        values = {**domain.presets["lenet"], **SETTINGS}
        values.pop("epochs", None)
        hp = hyperparameters.resolve(lambda hp: model.build(domain, hp, self._prepared, PAIRS + 1), values)
        fit.set_seeds(0)
        self._model = model.build(domain, hp, self._prepared, PAIRS + 1)
        self._rows = TrainingChunks(self._prepared, 64, seed=0)
        self._dataset = self._rows.dataset()
        self._model.train_function = steps.train_function(self._model, 64)
        self._epoch = 0

    def epoch(self) -> float:
        self._rows.on_epoch_begin(self._epoch)
        self._epoch += 1
        started = perf_counter()
        self._model.fit(self._dataset, verbose=0, shuffle=False)
        return perf_counter() - started

    def accuracy(self) -> float:
        from suite.training.predictor import Predictor

        answers = Predictor(self._model, self._prepared)("test").argmax(axis=1)
        return float((answers == self._prepared.y[self._prepared.rows["test"]]).mean())


class Torch:
    """PyTorch in a process of its own, an epoch at a time."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        script = Path(__file__).with_name("convnet_torch.py")
        self._process = subprocess.Popen(
            [rivals.python(TORCH, "numpy==2.4.6"), script, path, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def main() -> None:
    """Measure and print."""
    load_tensorflow()
    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions

    dataset = domains.load_data(registry.get("image_cls"), str(folder("fashion_mnist")), DataOptions())
    test = dataset.rows["test"]
    # All 60,000 images to train on, as the rival has; some are named for validation because there must be such.
    rest = dataset.known_rows
    dataset.rows = {"train": rest, "validation": rest[:1000], "test": test}
    images = np.pad(dataset.inputs["image"][..., 0], ((0, 0), (2, 2), (2, 2)))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "fashion.npz"
        np.savez(path, x_train=images[rest], y_train=dataset.y[rest], x_test=images[test], y_test=dataset.y[test])
        torch, ours = Torch(path), Ours(dataset)
        first = ours.epoch(), torch.ask("epoch")
        print(f"first epoch  suite {first[0]:.2f} s  PyTorch {first[1]:.2f} s", flush=True)
        pairs = []
        for number in range(PAIRS):
            if number % 2:
                mine, theirs = ours.epoch(), torch.ask("epoch")
            else:
                theirs, mine = torch.ask("epoch"), ours.epoch()
            pairs.append(mine / theirs)
            print(f"epoch {number + 1}  suite {mine:.2f} s  {TORCH} {theirs:.2f} s  ratio {pairs[-1]:.2f}", flush=True)
        low, middle, high = statistics.quantiles(pairs, n=4)
        print(f"ratio {middle:.2f} (quartiles {low:.2f} to {high:.2f}) over {PAIRS} pairs")
        print(f"test accuracy  suite {ours.accuracy():.4f}  PyTorch {torch.ask('accuracy'):.4f}")
        torch.stop()


if __name__ == "__main__":
    main()
