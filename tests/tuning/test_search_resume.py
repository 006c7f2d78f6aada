"""Searches that stop, are killed or fail to write, and resume."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from simulated import EVERY_STRATEGY, outcomes, search
from trainings import train

from suite.errors import SuiteError
from tuning.task import Task, TaskResult

KILLED = Path(__file__).with_name("killed.py")


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_a_resumed_search_ends_like_an_uninterrupted_one(tmp_path: Path, strategy: str) -> None:
    whole = search(tmp_path / "whole", strategy, trials=12, epochs=9)
    trained: list[Task] = []

    def until(last: int) -> Any:
        def work(task: Task) -> TaskResult:
            if len(trained) == last:
                raise KeyboardInterrupt
            trained.append(task)
            return train(task)

        return work

    for stop in (0, 1, 5, 9):
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "stopped", strategy, trials=12, epochs=9, work=until(stop))
    stopped = search(tmp_path / "stopped", strategy, trials=12, epochs=9, work=until(-1))
    assert len({(task.trial, task.target_epoch) for task in trained}) == len(trained)
    assert len(stopped) == len(whole)
    assert outcomes(stopped) == outcomes(whole)


@pytest.mark.parametrize("pruner", ["median", "asha"])
def test_a_pruner_stops_the_same_trainings_after_a_resume(tmp_path: Path, pruner: str) -> None:
    def shortly(task: Task) -> TaskResult:
        if len(tasks) == 10:
            raise KeyboardInterrupt
        tasks.append(task)
        return train(task)

    tasks: list[Task] = []
    whole = search(tmp_path / "whole", "tpe", trials=12, epochs=9, pruner=pruner)
    assert {trial.epochs for trial in whole} >= {1, 9}
    early = [trial for trial in whole if trial.epochs < 9]
    assert {trial.reason for trial in early} == {
        f"stopped after {trial.epochs} of 9 epochs: others were better there" for trial in early
    }
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "stopped", "tpe", trials=12, epochs=9, pruner=pruner, work=shortly)
    assert [task.target_epoch for task in tasks[:3]] == [1, 3, 9]
    assert outcomes(search(tmp_path / "stopped", "tpe", trials=12, epochs=9, pruner=pruner)) == outcomes(whole)


@pytest.mark.parametrize("strategy", ["random", "hyperband"])
def test_a_search_killed_twenty_times_loses_and_repeats_nothing(tmp_path: Path, strategy: str) -> None:
    done = subprocess.run(
        [sys.executable, KILLED, tmp_path, strategy, "20", "0"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    trained = [line.split(maxsplit=3) for line in (tmp_path / "trained").read_text().splitlines()]
    # A training that was killed before it was written down is the only one that is done again, by the same search.
    again = Counter((trial, part, until) for trial, part, until, _ in trained)
    assert sum(again.values()) - len(again) <= 20
    assert len({values for *_, values in trained}) == 15
    whole = search(tmp_path / "whole", strategy, trials=15, epochs=9)
    assert outcomes(search(tmp_path, strategy, trials=15, epochs=9, work=_never)) == outcomes(whole)


def _never(task: Task) -> TaskResult:
    raise AssertionError(f"trained again: {task}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"seed": 1}, "seed 0, and this one has 1"), ({"epochs": 5}, "epochs 4, and this one has 5")],
)
def test_a_search_with_other_settings_does_not_resume(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    search(tmp_path)
    with pytest.raises(SuiteError, match=said):
        search(tmp_path, **changes)


def test_a_resumed_search_may_have_more_trials(tmp_path: Path) -> None:
    first = search(tmp_path, trials=4)
    both = search(tmp_path, trials=8)
    assert outcomes(both)[:4] == outcomes(first)
    assert outcomes(both) == outcomes(search(tmp_path / "whole", trials=8))


def test_a_damaged_journal_is_reported(tmp_path: Path) -> None:
    search(tmp_path)
    file = tmp_path / "search.sqlite"
    content = bytearray(file.read_bytes())
    content[: len(content) // 2] = bytes(len(content) // 2)
    file.write_bytes(content)
    with pytest.raises(SuiteError, match=r"search.sqlite cannot be used .*: leave --resume out"):
        search(tmp_path)


def test_a_full_disk_stops_the_search_and_loses_nothing(tmp_path: Path) -> None:
    def fill(task: Task) -> TaskResult:
        if task.trial == 3:
            # As if the disk had no more room than the file takes now.
            size = os.stat(tmp_path / "search.sqlite-wal").st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        return train(task)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(SuiteError, match=r"could not be written .* nothing is lost"):
            search(tmp_path, trials=20, work=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    assert outcomes(search(tmp_path, trials=20)) == outcomes(search(tmp_path / "whole", trials=20))


def test_the_journal_is_readable_while_the_search_runs(tmp_path: Path) -> None:
    counts = []

    def work(task: Task) -> TaskResult:
        with sqlite3.connect(tmp_path / "search.sqlite") as other:
            counts.append(other.execute("SELECT count(*) FROM event").fetchone()[0])
        return train(task)

    search(tmp_path, trials=3, work=work)
    assert counts == [2, 4, 6]
