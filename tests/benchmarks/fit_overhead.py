"""What `suite fit` costs over the bare `keras.Model.fit` of the same network and data, in interleaved pairs.

Both train EPOCHS epochs with validation; ours adds batches that are gathered from one copy of the data, progress and
the return to the best epoch. Prints seconds, and the median ratio with its quartiles.
"""

import statistics
import sys
from time import perf_counter
from typing import Any

import numpy as np

from suite.config import load_tensorflow

PAIRS = 7
EPOCHS = 4


def main(name: str = "image_cls") -> None:
    """Measure one domain on its embedded data."""
    load_tensorflow()
    from keras_tuner import HyperParameters

    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions
    from suite.training import fit, model, predictor
    from suite.training.callbacks import ProgressReporter
    from suite.training.data import prepare

    domain = registry.get(name)
    prepared = prepare(domain, domains.load_data(domain, None, DataOptions()))
    arrays: dict[str, Any] = {
        split: (prepared.split(split), np.eye(len(prepared.labels), dtype=np.float32)[prepared.y[prepared.rows[split]]])
        for split in ("train", "validation")
    }

    settings = fit.TrainingSettings(EPOCHS, 0, prepared.task.objective)

    def bare() -> float:
        fit.set_seeds(0)
        network = model.build(domain, HyperParameters(), prepared, EPOCHS)
        network.steps_per_execution = 1
        started = perf_counter()
        network.fit(
            *arrays["train"],
            batch_size=domain.recipe.batch_size,
            validation_data=arrays["validation"],
            validation_batch_size=predictor.BATCH,
            epochs=EPOCHS,
            verbose=0,
        )
        return perf_counter() - started

    def ours() -> float:
        report = ProgressReporter(lambda progress: None, prepared.task.objective)
        return fit.fit(domain, HyperParameters(), prepared, settings, callbacks=[report]).seconds

    pairs = []
    for number in range(PAIRS):
        # Each order every other time, so that neither always follows the other.
        first, second = (bare, ours) if number % 2 else (ours, bare)
        times = {first.__name__: first(), second.__name__: second()}
        pairs.append((times["ours"], times["bare"]))
        print(f"{name}  suite {times['ours']:.2f} s  bare Keras {times['bare']:.2f} s", flush=True)
    ratios = [mine / theirs for mine, theirs in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{name}  ratio {middle:.3f} (quartiles {low:.3f} to {high:.3f}) over {PAIRS} pairs of {EPOCHS} epochs")


if __name__ == "__main__":
    main(*sys.argv[1:])
