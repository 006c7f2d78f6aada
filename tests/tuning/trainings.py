"""Trainings simulated by formulas; this module imports nothing heavy."""

import os
import signal
import time
from pathlib import Path

from suite.search_record import COMPLETED
from tuning.task import Task, TaskResult

FOLDER = "SIMULATED_FOLDER"


def quality(task: Task) -> float:
    """A score that grows with depth, width, share and epochs."""
    values = task.values
    parts = values.get("depth", 0) + values.get("width", 0) / 32 + 10 * values.get("share", 0.0) + values["norm"] / 8
    return round((parts + task.run_index / 100) * (1 - 0.5**task.target_epoch) / 5, 6)


def train(task: Task) -> TaskResult:
    """Return a result at once."""
    return TaskResult(COMPLETED, {"val_accuracy": quality(task)}, task.target_epoch, 0.01)


def train_with_crashes(task: Task) -> TaskResult:
    """Trial 1 dies and trial 2 hangs, once each; $SIMULATED_FOLDER remembers."""
    marker = Path(os.environ[FOLDER], f"{task.trial}")
    if task.trial in (1, 2) and not marker.exists():
        marker.touch()
        if task.trial == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return train(task)


def initialize(*_: object) -> None:
    """Do nothing: these trainings need no preparation."""
