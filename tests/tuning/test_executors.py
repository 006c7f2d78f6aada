"""Workers that die or hang, and what they share."""

import os
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from simulated import outcomes, search
from trainings import FOLDER, initialize, train_with_crashes

from tuning.executors import ProcessExecutor, WorkerLost


class Flaky(Executor):
    """Loses the first attempts of some tasks, like a worker that dies."""

    def __init__(self, losses: dict[int, int]) -> None:
        self.losses = losses

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        task = arguments[0]
        if self.losses.get(task.trial, 0):
            self.losses[task.trial] -= 1
            future.set_exception(WorkerLost("its worker died (signal 9: killed, or out of memory)", 1.0))
        else:
            future.set_result(work(*arguments))
        return future


def test_a_lost_worker_costs_one_attempt(tmp_path: Path) -> None:
    trials = search(tmp_path, trials=5, executor=Flaky({2: 1, 4: 2}))
    assert [trial.status for trial in trials] == ["completed", "completed", "completed", "failed", "completed"]
    assert trials[3].reason == "its worker died (signal 9: killed, or out of memory), 2 times"
    without = search(tmp_path / "whole", trials=5)
    assert outcomes(trials[:3]) == outcomes(without[:3])


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_that_die_or_hang_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with ProcessExecutor(workers, initialize, (), timeout=2.0) as executor:
        trials = search(tmp_path, trials=6, work=train_with_crashes, executor=executor, workers=workers)
    assert {trial.status for trial in trials} == {"completed"}
    assert (tmp_path / "1").exists()
    assert (tmp_path / "2").exists()
    if workers == 1:
        assert outcomes(trials) == outcomes(search(tmp_path / "whole", trials=6))


def test_processes_share_the_cores_and_end_with_the_executor() -> None:
    with ProcessExecutor(2, initialize, ()) as executor:
        shares = [executor.submit(os.sched_getaffinity, 0).result() for _ in range(4)]
        processes = {executor.submit(os.getpid).result() for _ in range(8)}
    assert {core for share in shares for core in share} <= os.sched_getaffinity(0)
    for process in processes:
        assert not Path(f"/proc/{process}").exists()


def test_an_error_in_a_process_is_raised_with_its_traceback(tmp_path: Path) -> None:
    with ProcessExecutor(1, initialize, ()) as executor, pytest.raises(ZeroDivisionError) as raised:
        executor.submit(divmod, 1, 0).result()
    assert "_work" in raised.value.__notes__[0]


def test_a_worker_that_still_starts_is_ended_soon() -> None:
    executor = ProcessExecutor(1, time.sleep, (600,))
    future = executor.submit(divmod, 1, 1)
    time.sleep(0.5)
    begun = time.monotonic()
    executor.shutdown()
    assert time.monotonic() - begun < 5
    with pytest.raises(WorkerLost):
        future.result()
