"""The search around the strategies, on trainings that are formulas."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from simulated import EVERY_STRATEGY, SIZE, search, searchable
from trainings import FOLDER, begin, mortal, quality, train

from suite.errors import SuiteError
from tuning.executors import Lost, Processes
from tuning.trial import Outcome, Task, Trial

KILLED = Path(__file__).with_name("killed.py")


def seen(trials: list[Trial]) -> list[Any]:
    return [(trial.id, trial.status, trial.hyperparameters, trial.score, trial.epochs) for trial in trials]


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_every_strategy_tries_the_default_first_and_nothing_twice(tmp_path: Path, strategy: str) -> None:
    trials = search(tmp_path, strategy, trials=10)
    assert [trial.id for trial in trials] == list(range(1, 11))
    assert {trial.status for trial in trials} == {"completed"}
    assert len({str(sorted(trial.hyperparameters.items())) for trial in trials}) == 10
    assert all(trial.score == trial.scores["val_accuracy"] for trial in trials)


@pytest.mark.parametrize("strategy", ["random", "grid"])
def test_a_finite_space_is_covered_whole(tmp_path: Path, strategy: str) -> None:
    trials = search(tmp_path, strategy, trials=100)
    assert len(trials) == SIZE == len({str(sorted(trial.hyperparameters.items())) for trial in trials})


def test_hyperband_goes_on_with_the_best_and_counts_configurations(tmp_path: Path) -> None:
    tasks: list[Task] = []

    def work(task: Task) -> Outcome:
        tasks.append(task)
        return train(task)

    trials = search(tmp_path, "hyperband", trials=9, epochs=9, work=work)
    assert len(trials) == 9
    assert Counter(trial.epochs for trial in trials) == {1: 6, 3: 2, 9: 1}
    best = max(trials, key=lambda trial: trial.score or 0)
    assert [task.until for task in tasks if task.trial == best.id] == [1, 3, 9]
    # The cost of an answer does not change with training: it is measured once.
    assert [task.costs for task in tasks if task.trial == best.id] == [True, False, False]


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_a_failed_trial_is_one_of_those_that_were_asked_for(tmp_path: Path, strategy: str) -> None:
    def work(task: Task) -> Outcome:
        return Outcome("failed", {}, 0, 0.0, "out of memory") if task.trial == 2 else train(task)

    trials = search(tmp_path, strategy, trials=6, work=work)
    assert Counter(trial.status for trial in trials) == {"completed": 5, "failed": 1}


def test_a_network_that_cannot_be_trained_on_is_worth_what_it_was(tmp_path: Path) -> None:
    def work(task: Task) -> Outcome:
        return train(task) if task.until == 1 else Outcome("failed", {}, 0, 0.0, "out of memory")

    trials = search(tmp_path, "hyperband", trials=9, epochs=9, work=work)
    assert {trial.status for trial in trials} == {"completed"}
    assert sum(trial.reason == "out of memory" for trial in trials) == 3
    assert {trial.epochs for trial in trials} == {1}


def test_what_cannot_be_built_costs_no_trial(tmp_path: Path) -> None:
    def work(task: Task) -> Outcome:
        if task.values["norm"]:
            return Outcome("infeasible", {}, 0, 0.0, "larger than the picture")
        return train(task)

    trials = search(tmp_path, trials=6, work=work)
    assert Counter(trial.status for trial in trials)["completed"] == 6
    passed_over = [trial for trial in trials if trial.status == "infeasible"]
    assert passed_over
    assert {(trial.score, trial.reason) for trial in passed_over} == {(None, "larger than the picture")}


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_where_nothing_can_be_built_the_search_ends_with_the_reason(tmp_path: Path, strategy: str) -> None:
    with pytest.raises(SuiteError, match=r"none of \d+ trials could be trained: larger than the picture"):
        search(
            tmp_path, strategy, trials=3, work=lambda _: Outcome("infeasible", {}, 0, 0.0, "larger than the picture")
        )


def test_three_failures_before_any_success_end_the_search(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="gave up after 3 trials in a row failed: out of memory"):
        search(tmp_path, work=lambda task: Outcome("failed", {}, 0, 0.0, "out of memory"))


def test_a_defect_stops_the_search_at_once(tmp_path: Path) -> None:
    def work(task: Task) -> Outcome:
        if task.trial == 2:
            raise ZeroDivisionError
        return train(task)

    with pytest.raises(ZeroDivisionError):
        search(tmp_path, work=work)
    assert len(search(tmp_path)) == 8


def test_the_mean_of_several_trainings_is_the_score(tmp_path: Path) -> None:
    trials = search(tmp_path, trials=4, folds=3, repeats=2)
    whole = [trial for trial in trials if trial.reason is None]
    for trial in whole:
        parts = [quality(Task(trial.id, trial.hyperparameters, part, 4, False)) for part in range(6)]
        assert trial.score == pytest.approx(sum(parts) / 6, abs=1e-5)
        assert trial.deviation
        assert trial.deviation > 0


def test_a_trial_far_behind_on_its_first_folds_is_not_trained_on_the_rest(tmp_path: Path) -> None:
    tasks: list[Task] = []

    def work(task: Task) -> Outcome:
        tasks.append(task)
        score = (0.5 if task.trial > 1 else 0.9) + task.part / 100
        return Outcome("completed", {"val_accuracy": score}, task.until, 0.0)

    trials = search(tmp_path, trials=3, folds=5, work=work)
    assert Counter(task.trial for task in tasks) == {1: 5, 2: 1, 3: 1}
    assert trials[1].reason == "stopped after 1 of 5 trainings: far behind the best"
    assert trials[1].score == 0.5


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_a_search_that_stopped_goes_on_as_if_it_had_not(tmp_path: Path, strategy: str) -> None:
    whole = search(tmp_path / "whole", strategy, trials=12, epochs=9)
    trained: list[Task] = []

    def until(last: int) -> Any:
        def work(task: Task) -> Outcome:
            if len(trained) == last:
                raise KeyboardInterrupt
            trained.append(task)
            return train(task)

        return work

    for stop in (0, 1, 5, 9):
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "stopped", strategy, trials=12, epochs=9, work=until(stop))
    stopped = search(tmp_path / "stopped", strategy, trials=12, epochs=9, work=until(-1))
    assert len({(task.trial, task.until) for task in trained}) == len(trained)
    assert len(stopped) == len(whole)
    assert seen(stopped) == seen(whole)


@pytest.mark.parametrize("pruner", ["median", "asha"])
def test_a_pruner_stops_trainings_and_a_stopped_search_knows_which(tmp_path: Path, pruner: str) -> None:
    def shortly(task: Task) -> Outcome:
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
    assert [task.until for task in tasks[:3]] == [1, 3, 9]
    assert seen(search(tmp_path / "stopped", "tpe", trials=12, epochs=9, pruner=pruner)) == seen(whole)


def test_a_trial_between_two_rungs_counts_when_the_time_is_up(tmp_path: Path) -> None:
    def work(task: Task) -> Outcome:
        time.sleep(0.3)
        return train(task)

    trials = search(tmp_path, "tpe", trials=None, seconds=0.5, epochs=9, pruner="median", work=work)
    assert [(trial.status, trial.epochs, trial.reason) for trial in trials] == [
        ("completed", 3, "the time was up after epoch 3")
    ]


@pytest.mark.parametrize("strategy", ["random", "hyperband"])
def test_killed_at_twenty_moments_nothing_is_lost_or_done_twice(tmp_path: Path, strategy: str) -> None:
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
    assert seen(search(tmp_path, strategy, trials=15, epochs=9, work=_never)) == seen(whole)


def _never(task: Task) -> Outcome:
    raise AssertionError(f"trained again: {task}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"seed": 1}, "seed 0, and this one has 1"), ({"epochs": 5}, "epochs 4, and this one has 5")],
)
def test_another_search_does_not_go_on_from_there(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    search(tmp_path)
    with pytest.raises(SuiteError, match=said):
        search(tmp_path, **changes)


def test_more_trials_may_be_asked_for_later(tmp_path: Path) -> None:
    first = search(tmp_path, trials=4)
    both = search(tmp_path, trials=8)
    assert seen(both)[:4] == seen(first)
    assert seen(both) == seen(search(tmp_path / "whole", trials=8))


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    search(tmp_path)
    file = tmp_path / "search.sqlite"
    content = bytearray(file.read_bytes())
    content[: len(content) // 2] = bytes(len(content) // 2)
    file.write_bytes(content)
    with pytest.raises(SuiteError, match=r"search.sqlite cannot be used .*: leave --resume out"):
        search(tmp_path)


def test_a_full_disk_stops_the_search_and_loses_nothing(tmp_path: Path) -> None:
    def fill(task: Task) -> Outcome:
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
    assert seen(search(tmp_path, trials=20)) == seen(search(tmp_path / "whole", trials=20))


class Flaky(Executor):
    """Loses the first attempts of some tasks, as a worker that dies does."""

    def __init__(self, losses: dict[int, int]) -> None:
        self.losses = losses

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        task = arguments[0]
        if self.losses.get(task.trial, 0):
            self.losses[task.trial] -= 1
            future.set_exception(Lost("its worker died (signal 9: killed, or out of memory)", 1.0))
        else:
            future.set_result(work(*arguments))
        return future


def test_a_lost_worker_costs_one_attempt(tmp_path: Path) -> None:
    trials = search(tmp_path, trials=5, executor=Flaky({2: 1, 4: 2}))
    assert [trial.status for trial in trials] == ["completed", "completed", "completed", "failed", "completed"]
    assert trials[3].reason == "its worker died (signal 9: killed, or out of memory), 2 times"
    without = search(tmp_path / "whole", trials=5)
    assert seen(trials[:3]) == seen(without[:3])


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_that_die_or_hang_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with Processes(workers, begin, (), timeout=2.0) as executor:
        trials = search(tmp_path, trials=6, work=mortal, executor=executor, workers=workers)
    assert {trial.status for trial in trials} == {"completed"}
    assert (tmp_path / "1").exists()
    assert (tmp_path / "2").exists()
    if workers == 1:
        assert seen(trials) == seen(search(tmp_path / "whole", trials=6))


def test_processes_share_the_cores_and_end_with_the_executor() -> None:
    with Processes(2, begin, ()) as executor:
        shares = [executor.submit(os.sched_getaffinity, 0).result() for _ in range(4)]
        processes = {executor.submit(os.getpid).result() for _ in range(8)}
    assert {core for share in shares for core in share} <= os.sched_getaffinity(0)
    for process in processes:
        assert not Path(f"/proc/{process}").exists()


def test_an_error_in_a_process_is_raised_with_its_traceback(tmp_path: Path) -> None:
    with Processes(1, begin, ()) as executor, pytest.raises(ZeroDivisionError) as raised:
        executor.submit(divmod, 1, 0).result()
    assert "_work" in raised.value.__notes__[0]


def test_the_time_ends_a_search_and_what_was_paused_counts(tmp_path: Path) -> None:
    def work(task: Task) -> Outcome:
        assert task.deadline is not None
        time.sleep(0.05)
        if time.time() < task.deadline:
            return train(task)
        return Outcome("paused", {"val_accuracy": 0.1}, 2, 0.05)

    trials = search(tmp_path, "grid", trials=None, seconds=0.5, declare=_large, work=work)
    assert 2 < len(trials) < 12
    assert trials[-1].status == "completed"
    done = search(tmp_path, "grid", trials=len(trials) + 2, declare=_large)
    assert [trial.epochs for trial in done] == [4] * (len(trials) + 2)


def test_half_of_the_time_is_for_the_search_however_long_a_training_takes(tmp_path: Path) -> None:
    def work(task: Task) -> Outcome:
        time.sleep(0.02)
        return Outcome("completed", {"val_accuracy": 0.5}, 1, 1000.0)

    started = time.monotonic()
    trials = search(tmp_path, "hyperband", trials=None, seconds=1.0, epochs=9, declare=_large, work=work)
    assert len(trials) > 5
    assert 0.4 < time.monotonic() - started < 0.9


def _large(hp: Any) -> None:
    hp.Int("depth", 0, 1000)
    hp.Fixed("norm", False)


def test_the_journal_is_readable_while_the_search_runs(tmp_path: Path) -> None:
    counts = []

    def work(task: Task) -> Outcome:
        with sqlite3.connect(tmp_path / "search.sqlite") as other:
            counts.append(other.execute("SELECT count(*) FROM event").fetchone()[0])
        return train(task)

    search(tmp_path, trials=3, work=work)
    assert counts == [2, 4, 6]


def test_the_space_of_the_tests_has_the_size_that_they_count_on() -> None:
    from tuning.oracles.distinct import combinations

    assert len(list(combinations(searchable().space))) == SIZE
