"""What a worker does with a task, on real networks."""

import gc
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.search_record import COMPLETED, FAILED, INFEASIBLE, Objective
from tuning import feasibility
from tuning.runner import SearchJob, TrialRunner
from tuning.task import PAUSED, Task

ACCURACY = Objective("val_accuracy", "max")
BAG = {"reader/kind": "none", "training/batch_size": 64}


@pytest.fixture(scope="session")
def job(make: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SearchJob]:
    """A search job on a domain's example rows, with a new folder for each."""

    def made(name: str = "text_cls", **changes: Any) -> SearchJob:
        dataset = make(name).dataset
        return replace(SearchJob(name, dataset, (ACCURACY,), 4, 0, 1, tmp_path_factory.mktemp("search")), **changes)

    return made


def task(target_epoch: int, values: dict[str, Any] = BAG, **changes: Any) -> Task:
    return replace(Task(0, values, 0, target_epoch, False), **changes)


def test_a_resumed_training_ends_like_an_uninterrupted_one(job: Callable[..., SearchJob]) -> None:
    run = TrialRunner(job())
    parts = [run(task(until)) for until in (1, 3, 4)]
    whole = TrialRunner(job())(task(4))
    assert [part.epochs for part in parts] == [1, 3, 4]
    assert parts[-1].scores == whole.scores
    # A worker that died after the training but before it was told of: nothing is trained again.
    again = run(task(4))
    assert (again.status, again.scores, again.epochs) == (COMPLETED, whole.scores, 4)


def test_trainings_of_a_trial_differ_in_their_rows_and_seeds(job: Callable[..., SearchJob]) -> None:
    run = TrialRunner(job(folds=2))
    scores = [run(task(1, run_index=run_index)).scores["val_accuracy"] for run_index in range(4)]
    assert len(set(scores)) > 1
    assert [run.training_settings(run_index).seed for run_index in range(4)] == [0, 0, 1, 1]


def test_costs_are_measured_when_asked(job: Callable[..., SearchJob]) -> None:
    goals = tuple(Objective(name, "min") for name in ("latency", "size", "flops"))
    run = TrialRunner(job(objectives=(ACCURACY, *goals)))
    costs = run(task(1, measure_costs=True)).scores
    assert set(costs) == {"val_accuracy", "latency", "size", "flops"}
    assert min(costs.values()) > 0
    assert set(run(task(2)).scores) == {"val_accuracy"}


def test_a_deadline_pauses_a_training_after_an_epoch(job: Callable[..., SearchJob]) -> None:
    paused = TrialRunner(job())(task(4, deadline=time.time()))
    assert (paused.status, paused.epochs) == (PAUSED, 1)
    assert paused.scores["val_accuracy"] > 0


def test_a_network_that_cannot_be_built_is_infeasible(
    job: Callable[..., SearchJob], make: Callable[[str], Any]
) -> None:
    dataset = make("image_cls").dataset
    tiny = replace(dataset, inputs={"image": dataset.inputs["image"][:, ::7, ::7]}, picture=None)
    outcome = TrialRunner(job("image_cls", dataset=tiny))(
        task(1, {"network": "stages", "conv/stem": 1, "conv/kernel": 9})
    )
    assert outcome.status == INFEASIBLE
    assert outcome.reason
    assert "conv" in outcome.reason


def test_a_diverged_training_has_failed(job: Callable[..., SearchJob]) -> None:
    outcome = TrialRunner(job())(task(1, BAG | {"training/learning_rate": 1e30, "training/clip": 0.0}))
    assert outcome.status == FAILED
    assert outcome.reason
    assert outcome.reason.startswith("the training diverged: after epoch 1 the network's answers are no numbers")


def test_a_defect_is_raised(job: Callable[..., SearchJob]) -> None:
    broken = job()
    with pytest.raises(KeyError):
        TrialRunner(replace(broken, objectives=(Objective("val_nothing", "max"),)))(task(1))


def test_a_far_too_slow_network_is_infeasible_before_training(job: Callable[..., SearchJob]) -> None:
    outcome = TrialRunner(job())(task(1, max_epoch_seconds=1e-9, deadline=time.time() + 100))
    assert (outcome.status, outcome.epochs) == ("infeasible", 0)
    assert "too slow for the time there is" in str(outcome.reason)


def test_a_network_that_does_not_fit_into_memory_is_infeasible(
    job: Callable[..., SearchJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feasibility, "free_bytes", lambda: 1000)
    outcome = TrialRunner(job())(task(1))
    assert (outcome.status, "GB are free" in str(outcome.reason)) == ("infeasible", True)


def test_a_state_of_a_later_epoch_answers_for_an_earlier_one(job: Callable[..., SearchJob]) -> None:
    run = TrialRunner(job())
    first, _, again = (run(task(until)) for until in (2, 4, 2))
    assert (again.scores, again.epochs, again.status) == (first.scores, 2, COMPLETED)


@pytest.mark.slow
def test_trainings_leave_no_memory_behind(job: Callable[..., SearchJob]) -> None:
    # SiLU registers a gradient for each network, which would hold its graphs.
    values = {**BAG, "dense/depth": 1, "dense/activation": "silu"}
    run = TrialRunner(job())
    megabytes, graphs = [], []
    for trial in range(9):
        assert run(task(1, values, trial=trial)).status == COMPLETED
        megabytes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
        graphs.append(sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects()))
    assert graphs == graphs[:1] * 9
    assert megabytes[-1] < 1.05 * megabytes[2]
