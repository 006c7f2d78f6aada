"""KerasTuner's own Hyperband over the domain's space for some minutes; prints a line of JSON.

Arguments: a file of arrays (ignored: the domain's own data is the same), minutes, the validation accuracy to reach.
"""

import json
import sys
import tempfile
from contextlib import suppress
from time import perf_counter
from typing import Any

from suite.config import load_tensorflow

STARTED = perf_counter()


class TimeIsUp(BaseException):
    """Not an Exception, so that no handler of errors swallows it."""


def main(minutes: float, goal: float) -> None:
    load_tensorflow()
    import keras_tuner

    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions
    from suite.training import evaluate
    from suite.training.data import prepare
    from suite.training.predictor import Predictor

    domain = registry.get("image_cls")
    prepared = prepare(domain, domains.load_data(domain, None, DataOptions()))
    epochs = domain.recipe.epochs_for(len(prepared.rows["train"]))
    clock = _clock(60 * minutes, goal)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            _hypermodel(domain, prepared, epochs, clock), "val_accuracy", max_epochs=epochs, factor=3,
            hyperband_iterations=100, seed=1, directory=folder, max_consecutive_failed_trials=1_000,
        )  # fmt: skip
        with suppress(TimeIsUp):
            tuner.search(verbose=0)
        best = tuner.get_best_models(1)[0]
    scores = Predictor(best, prepared)("test")
    accuracy = evaluate.evaluate(prepared.y[prepared.rows["test"]], scores)["accuracy"]
    print(json.dumps({"reached": clock.reached, "tried": len(tuner.oracle.trials), "accuracy": accuracy}))


def _clock(seconds: float, goal: float) -> Any:
    """A callback that notes in `reached` when the goal is met, and raises TimeIsUp after `seconds`."""
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        reached: float | None = None

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if self.reached is None and logs["val_accuracy"] >= goal:
                self.reached = perf_counter() - STARTED

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if perf_counter() - STARTED > seconds:
                raise TimeIsUp

    return Clock()


def _hypermodel(domain: Any, prepared: Any, most_epochs: int, clock: Any) -> Any:
    """The domain's network and training as KerasTuner takes them."""
    import keras_tuner

    from suite.errors import UsageError
    from suite.training import fit
    from suite.training.fit import TrainingSettings
    from suite.training.model import build

    class Network(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: keras_tuner.HyperParameters) -> Any:
            try:
                return build(domain, hp, prepared, int(hp.values.get("tuner/epochs", most_epochs)))
            except UsageError as error:
                raise keras_tuner.errors.FailedTrialError(str(error)) from error

        def fit(self, hp: Any, model: Any, *, callbacks: list[Any], epochs: int, **_: Any) -> Any:
            settings = TrainingSettings(epochs, 0, "accuracy")
            fit.run_training(domain, hp, model, prepared, settings, callbacks=[*callbacks, clock])
            return model.history

    return Network()


main(float(sys.argv[2]), float(sys.argv[3]))
