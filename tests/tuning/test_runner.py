"""What a worker does with a task, on real networks."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from suite.report.trials import Objective
from tuning import runner
from tuning.runner import Job, Runner
from tuning.trial import COMPLETED, FAILED, INFEASIBLE, PAUSED, Task

ACCURACY = Objective("val_accuracy", "max")
BAG = {"reader/kind": "none", "training/batch_size": 64}


@pytest.fixture(scope="session")
def job(make: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Job]:
    """The search of a domain's example rows, each time with a folder of its own."""

    def made(name: str = "text_cls", **changes: Any) -> Job:
        dataset = make(name).dataset
        return replace(Job(name, dataset, (ACCURACY,), 4, 0, 1, tmp_path_factory.mktemp("search")), **changes)

    return made


def task(until: int, values: dict[str, Any] = BAG, **changes: Any) -> Task:
    return replace(Task(0, values, 0, until, False), **changes)


def test_a_training_that_goes_on_ends_as_one_that_never_stopped(job: Callable[..., Job]) -> None:
    run = Runner(job())
    parts = [run(task(until)) for until in (1, 3, 4)]
    whole = Runner(job())(task(4))
    assert [part.epochs for part in parts] == [1, 3, 4]
    assert parts[-1].scores == whole.scores
    # A worker that died after the training but before it was told of: nothing is trained again.
    again = run(task(4))
    assert (again.status, again.scores, again.epochs) == (COMPLETED, whole.scores, 4)


def test_trainings_of_a_trial_differ_in_their_rows_and_seeds(job: Callable[..., Job]) -> None:
    run = Runner(job(folds=2))
    scores = [run(task(1, part=part)).scores["val_accuracy"] for part in range(4)]
    assert len(set(scores)) > 1
    assert [run.settings(part).seed for part in range(4)] == [0, 0, 1, 1]


def test_what_an_answer_costs_is_measured_where_it_is_asked(job: Callable[..., Job]) -> None:
    goals = tuple(Objective(name, "min") for name in ("latency", "size", "flops"))
    run = Runner(job(objectives=(ACCURACY, *goals)))
    costs = run(task(1, costs=True)).scores
    assert set(costs) == {"val_accuracy", "latency", "size", "flops"}
    assert min(costs.values()) > 0
    assert set(run(task(2)).scores) == {"val_accuracy"}


def test_time_that_is_up_pauses_after_an_epoch(job: Callable[..., Job]) -> None:
    paused = Runner(job())(task(4, deadline=time.time()))
    assert (paused.status, paused.epochs) == (PAUSED, 1)
    assert paused.scores["val_accuracy"] > 0


def test_what_cannot_be_built_is_infeasible(job: Callable[..., Job], make: Callable[[str], Any]) -> None:
    dataset = make("image_cls").dataset
    tiny = replace(dataset, inputs={"image": dataset.inputs["image"][:, ::7, ::7]})
    outcome = Runner(job("image_cls", dataset=tiny))(task(1, {"network": "stages", "conv/stem": 1, "conv/kernel": 9}))
    assert outcome.status == INFEASIBLE
    assert outcome.reason
    assert "conv" in outcome.reason


def test_a_training_that_goes_astray_has_failed(job: Callable[..., Job]) -> None:
    outcome = Runner(job())(task(1, BAG | {"training/learning_rate": 1e30, "training/clip": 0.0}))
    assert outcome.status == FAILED
    assert outcome.reason
    assert outcome.reason.startswith("the training diverged: after epoch 1 the network's answers are no numbers")


def test_a_defect_is_raised(job: Callable[..., Job]) -> None:
    broken = job()
    with pytest.raises(KeyError):
        Runner(replace(broken, objectives=(Objective("val_nothing", "max"),)))(task(1))


def test_a_network_far_too_slow_is_passed_over_before_it_is_trained(job: Callable[..., Job]) -> None:
    outcome = Runner(job())(task(1, epoch_seconds=1e-9, deadline=time.time() + 100))
    assert (outcome.status, outcome.epochs) == ("infeasible", 0)
    assert "too slow for the time there is" in str(outcome.reason)


def test_a_network_that_does_not_fit_into_memory_is_passed_over(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "free_bytes", lambda: 1000)
    outcome = Runner(job())(task(1))
    assert (outcome.status, "GB are free" in str(outcome.reason)) == ("infeasible", True)
