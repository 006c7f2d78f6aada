"""What a search costs besides its trainings: TRIALS that take no time, of 25 hyperparameters, with the journal.

For each strategy, in a process of its own: milliseconds to suggest, milliseconds of all that the search does for a
trial, and by how much its memory grows. Beside it KerasTuner's random search, over fewer trials, as it comes.
Written to figures/tuning-overhead.md.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from suite import artifact

TRIALS, WINDOW, THEIRS = 10_000, 500, 2_000
STRATEGIES = ("random", "evolution")
FIGURES = Path(__file__).with_name("figures")


def main() -> None:
    """Measure each, and print a table."""
    lines = [
        f"| search | trials | ms to suggest, the last {WINDOW} | slowest | ms a trial in all, the first {WINDOW} "
        "| the last | kB of memory a trial |",
        "| --- " * 7 + "|",
    ]
    for name in (*STRATEGIES, "KerasTuner"):
        command = [sys.executable, "-m", "tests.benchmarks.tuning_overhead", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        lines.append(json.loads(done.stdout.splitlines()[-1]))
        print(lines[-1], flush=True)
    text = "\n".join(lines)
    artifact.replace_file(FIGURES / "tuning-overhead.md", f"{text}\n\n`make bench-tuning-overhead`\n".encode())


def ours(name: str) -> str:
    """A line of the table for a search of ours."""
    from suite.search_record import Objective
    from tuning import space, strategies
    from tuning.executors import InProcessExecutor
    from tuning.journal import JOURNAL_FILE, Journal
    from tuning.oracles.options import OracleOptions
    from tuning.plan import SearchPlan
    from tuning.search import Search, SearchCallbacks
    from tuning.task import Task, TaskResult

    suggested: list[float] = []

    def train(task: Task) -> TaskResult:
        return TaskResult("completed", {"val_accuracy": task.values["rate0"]}, 1, 0.0)

    plan = SearchPlan(name, [Objective("val_accuracy", "max")], 1, 0, TRIALS)
    searchable = space.to_hyperparameters(space.explore(_declare))
    strategy = strategies.create(name, searchable, plan.objectives, OracleOptions(TRIALS, 1, 0))
    strategy.ask = _timed(strategy.ask, suggested)  # type: ignore[method-assign]
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder, JOURNAL_FILE))
        callbacks = SearchCallbacks(on_trial_end=lambda trial: clock.tick())
        Search(plan, strategy, journal, InProcessExecutor(), train, callbacks).run()
    return clock.row(name, suggested)


def theirs() -> str:
    """The same for KerasTuner's random oracle, which saves itself after every trial."""
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    _declare(hp)
    goal = keras_tuner.Objective("val_accuracy", "max")
    oracle = keras_tuner.oracles.RandomSearchOracle(goal, max_trials=THEIRS, hyperparameters=hp, seed=1)
    oracle._display.verbose = 0
    suggested: list[float] = []
    ask = _timed(oracle.create_trial, suggested)
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "search")
        while (trial := ask("one")).status == "RUNNING":
            oracle.update_trial(trial.trial_id, {"val_accuracy": trial.hyperparameters.values["rate0"]})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
            clock.tick()
    return clock.row("KerasTuner's random", suggested)


class _Clock:
    """When trials ended, and the memory at the end of the first ones."""

    def __init__(self) -> None:
        self._ends = [perf_counter()]
        self._before = 0

    def tick(self) -> None:
        """A trial ended."""
        self._ends.append(perf_counter())
        if len(self._ends) == WINDOW:
            self._before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def row(self, name: str, suggested: list[float]) -> str:
        """The line of the table."""
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._before) / (len(self._ends) - WINDOW)
        took = 1000 * np.diff(self._ends)
        asked = 1000 * np.array(suggested)
        return (
            f"| {name} | {len(took):,} | {asked[-WINDOW:].mean():.2f} | {asked[1:].max():.1f} "
            f"| {took[:WINDOW].mean():.2f} | {took[-WINDOW:].mean():.2f} | {grown:.1f} |"
        )


def _timed(ask: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def asked(*arguments: Any) -> Any:
        started = perf_counter()
        answer = ask(*arguments)
        seconds.append(perf_counter() - started)
        return answer

    return asked


def _declare(hp: Any) -> None:
    for number in range(5):
        if hp.Choice(f"kind{number}", ["none", "some"]) == "some":
            hp.Int(f"depth{number}", 1, 8)
        hp.Choice(f"activation{number}", ["relu", "gelu", "mish", "tanh"])
        hp.Float(f"rate{number}", 1e-4, 1e-1, sampling="log")
        hp.Boolean(f"norm{number}")


def _one(name: str) -> None:
    print(json.dumps(theirs() if name == "KerasTuner" else ours(name)))


if __name__ == "__main__":
    _one(sys.argv[1]) if sys.argv[1:] else main()
