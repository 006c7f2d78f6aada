"""Searches bounded by time."""

import time
from pathlib import Path
from typing import Any

import pytest
from simulated import search
from trainings import train

from tuning.task import Task, TaskResult

pytestmark = pytest.mark.alone


def test_a_trial_between_two_rungs_counts_when_the_time_is_up(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        time.sleep(0.3)
        return train(task)

    trials = search(tmp_path, "tpe", trials=None, seconds=0.5, epochs=9, pruner="median", work=work)
    assert [(trial.status, trial.epochs, trial.reason) for trial in trials] == [
        ("completed", 3, "the time was up after epoch 3")
    ]


def test_the_time_ends_a_search_and_paused_trials_count(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        assert task.deadline is not None
        time.sleep(0.05)
        if time.time() < task.deadline:
            return train(task)
        return TaskResult("paused", {"val_accuracy": 0.1}, 2, 0.05)

    trials = search(tmp_path, "grid", trials=None, seconds=0.5, declare=_large, work=work)
    assert 2 < len(trials) < 12
    assert trials[-1].status == "completed"
    done = search(tmp_path, "grid", trials=len(trials) + 2, declare=_large)
    assert [trial.epochs for trial in done] == [4] * (len(trials) + 2)


def test_half_of_the_time_is_for_the_search_however_slow_a_training_is(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        time.sleep(0.02)
        return TaskResult("completed", {"val_accuracy": 0.5}, 1, 1000.0)

    started = time.monotonic()
    trials = search(tmp_path, "hyperband", trials=None, seconds=1.0, epochs=9, declare=_large, work=work)
    assert len(trials) > 5
    assert 0.4 < time.monotonic() - started < 0.9


def test_what_was_spent_before_counts_when_a_search_resumes(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        time.sleep(0.2)
        return train(task)

    first = search(tmp_path, "grid", trials=None, seconds=1.0, declare=_large, work=work)
    again = search(tmp_path, "grid", trials=None, seconds=1.0, declare=_large, work=work)
    # There may be time for one that seemed too long before.
    assert len(first) <= len(again) <= len(first) + 1
    more = search(tmp_path, "grid", trials=None, seconds=3.0, declare=_large, work=work)
    assert len(again) < len(more) < 15


def test_the_time_began_before_the_search(tmp_path: Path) -> None:
    trials = search(tmp_path, "grid", trials=None, seconds=60.0, declare=_large, started=time.time() - 70)
    assert [trial.id for trial in trials] == [1]


def test_no_trial_begins_that_would_not_end_in_time(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        time.sleep(0.3)
        return train(task)

    started = time.monotonic()
    trials = search(tmp_path, "grid", trials=None, seconds=1.0, declare=_large, work=work)
    assert len(trials) == 2
    assert time.monotonic() - started < 0.9


def _large(hp: Any) -> None:
    hp.Int("depth", 0, 1000)
    hp.Fixed("norm", False)
