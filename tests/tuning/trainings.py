"""Trainings that are formulas; importing this takes no time."""

import os
import signal
import time
from pathlib import Path

from tuning.trial import COMPLETED, Outcome, Task

FOLDER = "SIMULATED_FOLDER"


def quality(task: Task) -> float:
    """Better with depth, width and share, and with every epoch."""
    values = task.values
    parts = values.get("depth", 0) + values.get("width", 0) / 32 + 10 * values.get("share", 0.0) + values["norm"] / 8
    return round((parts + task.part / 100) * (1 - 0.5**task.until) / 5, 6)


def train(task: Task) -> Outcome:
    """At once, and without fail."""
    return Outcome(COMPLETED, {"val_accuracy": quality(task)}, task.until, 0.01)


def mortal(task: Task) -> Outcome:
    """Trial 1 dies and trial 2 hangs, once each; $SIMULATED_FOLDER remembers."""
    marker = Path(os.environ[FOLDER], f"{task.trial}")
    if task.trial in (1, 2) and not marker.exists():
        marker.touch()
        if task.trial == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return train(task)


def begin(*_: object) -> None:
    """Nothing has to be done before."""
