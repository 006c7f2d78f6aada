"""KerasTuner's own Hyperband over the domain's space for some minutes, from its defaults on; answers a line of JSON.

Arguments: nothing of the first (the domain's own data is the same), minutes, the validation accuracy to reach.
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
    """Past all handlers of errors."""


def main(minutes: float, goal: float) -> None:
    load_tensorflow()
    import keras
    import keras_tuner

    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions
    from suite.errors import UsageError
    from suite.training import evaluate, fit
    from suite.training.data import prepare
    from suite.training.fit import Settings
    from suite.training.model import build
    from suite.training.selection import Predictor

    domain = registry.get("image_cls")
    prepared = prepare(domain, domains.load_data(domain, None, DataOptions()))
    epochs = domain.recipe.epochs_for(len(prepared.rows["train"]))
    reached: list[float] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if not reached and logs["val_accuracy"] >= goal:
                reached.append(perf_counter() - STARTED)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if perf_counter() - STARTED > 60 * minutes:
                raise TimeIsUp

    class Network(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            try:
                return build(domain, hp, prepared, int(hp.values.get("tuner/epochs", epochs)))
            except UsageError as error:
                raise keras_tuner.errors.FailedTrialError(str(error)) from error

        def fit(self, hp: Any, model: keras.Model, *, callbacks: list[Any], epochs: int, **_: Any) -> Any:
            settings = Settings(epochs, 0, "accuracy")
            fit.run(domain, hp, model, prepared, settings, callbacks=[*callbacks, Clock()])
            return model.history

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            Network(), "val_accuracy", max_epochs=epochs, factor=3, hyperband_iterations=100, seed=1, directory=folder,
            max_consecutive_failed_trials=1_000,
        )  # fmt: skip
        with suppress(TimeIsUp):
            tuner.search(verbose=0)
        best = tuner.get_best_models(1)[0]
    scores = Predictor(best, prepared)("test")
    accuracy = evaluate.evaluate(prepared.y[prepared.rows["test"]], scores)["accuracy"]
    print(
        json.dumps(
            {"reached": reached[0] if reached else None, "tried": len(tuner.oracle.trials), "accuracy": accuracy}
        )
    )


main(float(sys.argv[2]), float(sys.argv[3]))
