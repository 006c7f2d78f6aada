"""Every strategy on a table of 125 networks that were all trained before (cells.py): how close it comes to the best.

SEEDS simulated searches of TRIALS networks each; a search's regret is the best validation accuracy in the table minus
that of the network it would end with, the best by what it was told of each. Kendall's tau says whether better networks
were tried later: what random search has by chance is 0. Beside ours KerasTuner's own random search and Bayesian
optimisation as they come. Strategies whose packages are not here are left out. Written to figures/tuning-table.md.
"""

import json
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from suite import artifact
from suite.config import load_tensorflow
from tests.benchmarks.cells import EDGES, EPOCHS, OPERATIONS, TABLE

SEEDS, TRIALS = 20, 30
AFTER = (10, 20, 30)
RESAMPLES = 10_000
# KerasTuner counts its seed up with every draw: neighbouring ones would repeat each other.
APART = 100_000
Scores = dict[tuple[str, ...], list[float]]
# Networks in the order in which they were begun, each with the accuracy that the search was told of last.
Tried = list[tuple[tuple[str, ...], float]]


def main() -> None:
    """Simulate, and print a table."""
    load_tensorflow()
    entries = json.loads(TABLE.read_bytes())
    scores: Scores = {tuple(entry["operations"]): entry["validation"] for entry in entries}
    searches: dict[str, Callable[[int], Tried]] = {
        name: lambda seed, name=name: _ours(name, scores, seed) for name in _strategies()  # type: ignore[misc]
    }  # fmt: skip
    searches["KerasTuner's random"] = lambda seed: _theirs("RandomSearchOracle", scores, seed)
    searches["KerasTuner's Bayesian"] = lambda seed: _theirs("BayesianOptimizationOracle", scores, seed)
    tried = {name: [search(seed) for seed in range(SEEDS)] for name, search in searches.items()}
    best = max(values[-1] for values in scores.values())
    regrets = {
        name: np.array([[best - scores[_winner(each[:count])][-1] for count in AFTER] for each in found])
        for name, found in tried.items()
    }
    lines = [
        f"| strategy | {' | '.join(f'regret after {count}' for count in AFTER)} | against random after {AFTER[-1]} "
        "| Kendall's tau | distinct of 30 |",
        "| --- " * (len(AFTER) + 4) + "|",
    ]
    for name, found in tried.items():
        cells = [_interval(regrets[name][:, column]) for column in range(len(AFTER))]
        difference = "" if name == "random" else _interval(regrets[name][:, -1] - regrets["random"][:, -1])
        distinct = np.mean([len({network for network, _ in each}) / len(each) for each in found]) * TRIALS
        tau = _interval(np.array([_tau(each, scores) for each in found]))
        lines.append(f"| {name} | {' | '.join(cells)} | {difference} | {tau} | {distinct:.1f} |")
        print(lines[-1], flush=True)
    text = "\n".join(lines)
    note = f"Means over {SEEDS} seeds, 95% bootstrap intervals; below zero is better. `make bench-tuning-table`"
    artifact.replace_file(TABLE.with_name("tuning-table.md"), f"{text}\n\n{note}\n".encode())


def _strategies() -> list[str]:
    from tuning.strategies import STRATEGIES

    lacks = {"gp": find_spec("torch") is None}
    return [name for name in STRATEGIES if not lacks.get(name)]


def _tau(tried: Tried, scores: Scores) -> float:
    """Kendall's tau between the order in which networks were tried and their accuracies."""
    return float(kendalltau(range(len(tried)), [scores[network][-1] for network, _ in tried]).statistic)


def _space(hp: Any) -> None:
    for edge in EDGES:
        hp.Choice(edge, list(OPERATIONS))


def _operations(values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(values[edge] for edge in EDGES)


def _winner(tried: Tried) -> tuple[str, ...]:
    return max(tried, key=lambda one: one[1])[0]


def _ours(name: str, scores: Scores, seed: int) -> Tried:
    """The networks of a search of ours."""
    from suite.search_record import Objective
    from tuning import space, strategies
    from tuning.executors import InProcessExecutor
    from tuning.journal import JOURNAL_FILE, Journal
    from tuning.oracles.options import OracleOptions
    from tuning.plan import SearchPlan
    from tuning.search import Search
    from tuning.task import Task, TaskResult

    def train(task: Task) -> TaskResult:
        accuracy = scores[_operations(task.values)][task.target_epoch - 1]
        return TaskResult("completed", {"val_accuracy": accuracy}, task.target_epoch, 0.0)

    plan = SearchPlan(name, [Objective("val_accuracy", "max")], EPOCHS, seed, TRIALS)
    searchable = space.to_hyperparameters(space.explore(_space))
    strategy = strategies.create(name, searchable, plan.objectives, OracleOptions(TRIALS, EPOCHS, seed))
    with tempfile.TemporaryDirectory() as folder:
        found = Search(plan, strategy, Journal(Path(folder, JOURNAL_FILE)), InProcessExecutor(), train).run()
    return [(_operations(trial.hyperparameters), trial.score or 0.0) for trial in found]


def _theirs(name: str, scores: Scores, seed: int) -> Tried:
    """The same for an oracle of KerasTuner as it comes, until it says that there is nothing more."""
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    _space(hp)
    oracle = getattr(keras_tuner.oracles, name)(
        keras_tuner.Objective("val_accuracy", "max"), max_trials=TRIALS, hyperparameters=hp, seed=1 + APART * seed
    )
    oracle._display.verbose = 0
    found = []
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "search")
        while (trial := oracle.create_trial("one")).status == "RUNNING":
            network = _operations(trial.hyperparameters.values)
            found.append((network, scores[network][-1]))
            oracle.update_trial(trial.trial_id, {"val_accuracy": scores[network][-1]})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return found


def _interval(values: np.ndarray) -> str:
    generator = np.random.default_rng(0)
    means = generator.choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():.4f} ({low:.4f} to {high:.4f})"


if __name__ == "__main__":
    main()
