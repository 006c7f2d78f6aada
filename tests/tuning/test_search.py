"""The search around the strategies, with trainings simulated by formulas."""

from collections import Counter
from pathlib import Path

import pytest
from simulated import EVERY_STRATEGY, SIZE, search, searchable
from trainings import quality, train

from suite.errors import SuiteError
from suite.search_record import Trial
from tuning.hyperparameter_kinds import configurations
from tuning.task import Task, TaskResult


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_every_strategy_tries_the_default_first_and_nothing_twice(tmp_path: Path, strategy: str) -> None:
    trials = search(tmp_path, strategy, trials=10)
    assert [trial.id for trial in trials] == list(range(1, 11))
    assert {trial.status for trial in trials} == {"completed"}
    assert len({str(sorted(trial.hyperparameters.items())) for trial in trials}) == 10
    assert all(trial.score == trial.scores["val_accuracy"] for trial in trials)


@pytest.mark.parametrize("strategy", ["random", "grid"])
def test_a_finite_space_is_covered_completely(tmp_path: Path, strategy: str) -> None:
    trials = search(tmp_path, strategy, trials=100)
    assert len(trials) == SIZE == len({str(sorted(trial.hyperparameters.items())) for trial in trials})


def test_hyperband_promotes_the_best_and_counts_configurations(tmp_path: Path) -> None:
    tasks: list[Task] = []

    def work(task: Task) -> TaskResult:
        tasks.append(task)
        return train(task)

    trials = search(tmp_path, "hyperband", trials=9, epochs=9, work=work)
    assert len(trials) == 9
    # The default network is trained to the end as well.
    assert Counter(trial.epochs for trial in trials) == {1: 5, 3: 2, 9: 2}
    assert [task.target_epoch for task in tasks[:2]] == [1, 9]
    assert [trial.id for trial in trials if trial.stage == "finished"] == [1, max(trials, key=_score).id]
    best = max(trials, key=_score)
    assert [task.target_epoch for task in tasks if task.trial == best.id] == [1, 3, 9]
    # The cost of an answer does not change with training: it is measured once.
    assert [task.measure_costs for task in tasks if task.trial == best.id] == [True, False, False]


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_a_failed_trial_counts_as_a_trial(tmp_path: Path, strategy: str) -> None:
    def work(task: Task) -> TaskResult:
        return TaskResult("failed", {}, 0, 0.0, "out of memory") if task.trial == 2 else train(task)

    trials = search(tmp_path, strategy, trials=6, work=work)
    assert Counter(trial.status for trial in trials) == {"completed": 5, "failed": 1}


def test_a_network_that_cannot_be_trained_further_keeps_its_score(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        return train(task) if task.target_epoch == 1 else TaskResult("failed", {}, 0, 0.0, "out of memory")

    trials = search(tmp_path, "hyperband", trials=9, epochs=9, work=work)
    assert {trial.status for trial in trials} == {"completed"}
    # The three that were promoted, and the default network, which is always trained to the end.
    assert sum(trial.reason == "out of memory" for trial in trials) == 4
    assert {trial.epochs for trial in trials} == {1}


def test_infeasible_networks_do_not_count_as_trials(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
        if task.values["norm"]:
            return TaskResult("infeasible", {}, 0, 0.0, "larger than the picture")
        return train(task)

    trials = search(tmp_path, trials=6, work=work)
    assert Counter(trial.status for trial in trials)["completed"] == 6
    passed_over = [trial for trial in trials if trial.status == "infeasible"]
    assert passed_over
    assert {(trial.score, trial.reason) for trial in passed_over} == {(None, "larger than the picture")}


@pytest.mark.parametrize("strategy", EVERY_STRATEGY)
def test_a_search_without_feasible_networks_ends_with_the_reason(tmp_path: Path, strategy: str) -> None:
    with pytest.raises(SuiteError, match=r"none of \d+ trials could be trained: larger than the picture"):
        search(
            tmp_path, strategy, trials=3, work=lambda _: TaskResult("infeasible", {}, 0, 0.0, "larger than the picture")
        )


def test_three_failures_before_any_success_end_the_search(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="gave up after 3 trials in a row failed: out of memory"):
        search(tmp_path, work=lambda task: TaskResult("failed", {}, 0, 0.0, "out of memory"))


def test_a_defect_stops_the_search_at_once(tmp_path: Path) -> None:
    def work(task: Task) -> TaskResult:
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

    def work(task: Task) -> TaskResult:
        tasks.append(task)
        score = (0.5 if task.trial > 1 else 0.9) + task.run_index / 100
        return TaskResult("completed", {"val_accuracy": score}, task.target_epoch, 0.0)

    trials = search(tmp_path, trials=3, folds=5, work=work)
    assert Counter(task.trial for task in tasks) == {1: 5, 2: 1, 3: 1}
    assert trials[1].reason == "stopped after 1 of 5 trainings: far behind the best"
    assert trials[1].score == 0.5


def test_the_default_network_keeps_its_full_score_where_a_strategy_asks_for_less(tmp_path: Path) -> None:
    tasks: list[Task] = []

    def work(task: Task) -> TaskResult:
        tasks.append(task)
        score = {1: 0.9, 3: 0.8, 9: 0.7}[task.target_epoch] if task.trial == 1 else 0.1 + task.target_epoch / 100
        return TaskResult("completed", {"val_accuracy": score}, task.target_epoch, 0.0)

    trials = search(tmp_path, "hyperband", trials=9, epochs=9, work=work)
    assert [task.target_epoch for task in tasks if task.trial == 1] == [1, 9, 3, 9]
    assert (trials[0].epochs, trials[0].score, trials[0].stage) == (9, 0.7, "finished")


def test_a_pruned_default_network_is_trained_to_the_end(tmp_path: Path) -> None:
    trials = search(tmp_path, "tpe", trials=3, epochs=9, pruner="asha", work=train)
    assert (trials[0].epochs, trials[0].stage) == (9, "finished")


def _score(trial: Trial) -> float:
    return trial.score or 0.0


def test_the_simulated_space_has_the_expected_size() -> None:
    assert len(list(configurations(searchable().space))) == SIZE
