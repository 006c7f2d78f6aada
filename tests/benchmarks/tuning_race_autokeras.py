"""AutoKeras on pictures for some minutes; prints a line of JSON.

Run in the rivals' environment with an .npz of x_train (N, H, W, C) uint8, y_train, and so on for validation and test,
minutes, and the validation accuracy to reach.
"""

import json
import sys
import tempfile
from contextlib import suppress
from time import perf_counter

import autokeras
import keras
import numpy as np

STARTED = perf_counter()
EPOCHS = 12


class TimeIsUp(BaseException):
    """Not an Exception, so that no handler of errors swallows it."""


class Clock(keras.callbacks.Callback):
    def __init__(self, minutes, goal):
        super().__init__()
        self.minutes, self.goal, self.reached = minutes, goal, None

    def on_epoch_end(self, epoch, logs=None):
        if self.reached is None and logs.get("val_accuracy", 0) >= self.goal:
            self.reached = perf_counter() - STARTED

    def on_train_batch_end(self, batch, logs=None):
        if perf_counter() - STARTED > 60 * self.minutes:
            raise TimeIsUp

    def __deepcopy__(self, memo):
        return self  # KerasTuner copies callbacks for every trial


def main(arrays, minutes, goal):
    with np.load(arrays) as saved:
        data = dict(saved)
    clock = Clock(minutes, goal)
    with tempfile.TemporaryDirectory() as folder:
        search = autokeras.ImageClassifier(max_trials=1_000, directory=folder, seed=0, overwrite=True)
        with suppress(TimeIsUp):
            search.fit(
                data["x_train"], data["y_train"], validation_data=(data["x_validation"], data["y_validation"]),
                epochs=EPOCHS, callbacks=[clock], verbose=0,
            )  # fmt: skip
        tried = len(search.tuner.oracle.trials)
        ended = any(trial.status == "COMPLETED" for trial in search.tuner.oracle.trials.values())
        # Where not even the first network is done, it counts as it is.
        best = search.tuner.get_best_model() if ended else clock.model
        answers = best.predict(data["x_test"], verbose=0)
        accuracy = float((answers.argmax(axis=1) == data["y_test"]).mean())
    print(json.dumps({"reached": clock.reached, "tried": tried, "accuracy": accuracy}))


main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
