"""Searches among networks that were all trained before: how close every strategy comes to the best of them.

A search's regret is the accuracy of the table's best network minus that of the network that it would end with, the best
by what it was told of each. Kendall's tau says whether better networks were tried later: what random search has by
chance is 0. Beside ours KerasTuner's own random search and Bayesian optimisation as they come. Strategies whose
packages are not here are left out.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import kendalltau

RESAMPLES = 10_000
# KerasTuner counts its seed up with every draw: neighbouring ones would repeat each other.
APART = 100_000
THEIRS = {
    "KerasTuner's random": "RandomSearchOracle",
    "KerasTuner's Bayesian": "BayesianOptimizationOracle",
}
Operations = tuple[str, ...]
# Networks in the order in which they were begun, each with the accuracy that the search was told of last.
Tried = list[tuple[Operations, float]]


@dataclass(frozen=True)
class Table:
    """A space of cells, one of `operations` on each of the `edges`, with every network's accuracy.

    `told(operations, epoch, seed)` is the accuracy that a search with that seed is told of, `accuracies` are what it is
    measured by. Equal networks have equal `canonical` operations.
    """

    edges: Sequence[str]
    operations: Sequence[str]
    epochs: int
    accuracies: Mapping[Operations, float]
    told: Callable[[Operations, int, int], float]
    canonical: Callable[[Operations], Operations]

    def declare(self, hp: Any) -> None:
        """Declare the space."""
        for edge in self.edges:
            hp.Choice(edge, list(self.operations))

    def chosen(self, values: Mapping[str, Any]) -> Operations:
        """The operations that hyperparameters stand for."""
        return tuple(values[edge] for edge in self.edges)


def strategies() -> list[str]:
    """The names of all strategies that can be simulated here, ours first."""
    from tuning.strategies import TRIAL_BY_TRIAL

    lacks = {"gp": find_spec("torch") is None}
    return [*(name for name in TRIAL_BY_TRIAL if not lacks.get(name)), *THEIRS]


def compare(table: Table, names: Sequence[str], seeds: Callable[[str], int], after: Sequence[int]) -> list[str]:
    """The lines of a Markdown table: every strategy's regret after so many trials, over as many seeds as it is given.

    The first strategy is the one with which the others are compared, seed by seed.
    """
    trials = after[-1]
    columns = [
        "strategy", "seeds", *(f"regret after {count}" for count in after), f"against {names[0]} after {trials}",
        "Kendall's tau", f"distinct of {trials}", "seconds a search",
    ]  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    print("\n".join(lines), flush=True)
    first = np.zeros(0)
    for name in names:
        started = perf_counter()
        found = [search(table, name, seed, trials) for seed in range(seeds(name))]
        seconds = (perf_counter() - started) / len(found)
        regrets = np.array([[regret(table, tried[:count]) for count in after] for tried in found])
        against = "" if name == names[0] else interval(regrets[:, -1] - first[: len(found)])
        first = regrets[:, -1] if name == names[0] else first
        distinct = np.mean([len({table.canonical(operations) for operations, _ in tried}) for tried in found])
        tau = interval(np.array([_tau(table, tried) for tried in found]))
        row = [
            name, str(len(found)), *(interval(column) for column in regrets.T), against, tau, f"{distinct:.1f}",
            f"{seconds:.1f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
    return lines


def regret(table: Table, tried: Tried) -> float:
    """By how much the network that seems the best of these is worse than the table's best."""
    winner, _ = max(tried, key=lambda one: one[1])
    return max(table.accuracies.values()) - table.accuracies[winner]


def search(table: Table, name: str, seed: int, trials: int) -> Tried:
    """The networks that a strategy tries."""
    return _theirs(table, THEIRS[name], seed, trials) if name in THEIRS else _ours(table, name, seed, trials)


def _ours(table: Table, name: str, seed: int, trials: int) -> Tried:
    from suite.search_record import Objective
    from tuning import space, strategies
    from tuning.executors import InProcessExecutor
    from tuning.journal import JOURNAL_FILE, Journal
    from tuning.oracles.options import OracleOptions
    from tuning.plan import SearchPlan
    from tuning.search import Search
    from tuning.task import Task, TaskResult

    def train(task: Task) -> TaskResult:
        accuracy = table.told(table.chosen(task.values), task.target_epoch, seed)
        return TaskResult("completed", {"val_accuracy": accuracy}, task.target_epoch, 0.0)

    plan = SearchPlan(name, [Objective("val_accuracy", "max")], table.epochs, seed, trials)
    searchable = space.to_hyperparameters(space.explore(table.declare))
    strategy = strategies.create(name, searchable, plan.objectives, OracleOptions(trials, table.epochs, seed))
    with tempfile.TemporaryDirectory() as folder:
        found = Search(plan, strategy, Journal(Path(folder, JOURNAL_FILE)), InProcessExecutor(), train).run()
    return [(table.chosen(trial.hyperparameters), trial.score or 0.0) for trial in found]


def _theirs(table: Table, name: str, seed: int, trials: int) -> Tried:
    """The same for an oracle of KerasTuner as it comes, until it says that there is nothing more."""
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    table.declare(hp)
    oracle = getattr(keras_tuner.oracles, name)(
        keras_tuner.Objective("val_accuracy", "max"), max_trials=trials, hyperparameters=hp, seed=1 + APART * seed
    )
    oracle._display.verbose = 0
    found = []
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "search")
        while (trial := oracle.create_trial("one")).status == "RUNNING":
            operations = table.chosen(trial.hyperparameters.values)
            found.append((operations, table.told(operations, table.epochs, seed)))
            oracle.update_trial(trial.trial_id, {"val_accuracy": found[-1][1]})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return found


def _tau(table: Table, tried: Tried) -> float:
    """Kendall's tau between the order in which networks were tried and their accuracies."""
    return float(kendalltau(range(len(tried)), [table.accuracies[operations] for operations, _ in tried]).statistic)


def interval(values: np.ndarray) -> str:
    """The mean, and its 95% interval by a bootstrap."""
    generator = np.random.default_rng(0)
    means = generator.choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():.4f} ({low:.4f} to {high:.4f})"
