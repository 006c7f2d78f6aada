"""Searches without networks: a space with conditions, and trainings simulated by formulas."""

from collections.abc import Callable
from concurrent.futures import Executor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from keras_tuner import HyperParameters
from trainings import train

from suite.search_record import Objective, Ranking, Trial
from tuning import space, strategies
from tuning.executors import InProcessExecutor
from tuning.journal import JOURNAL_FILE, Journal
from tuning.oracles.options import OracleOptions
from tuning.plan import SearchPlan
from tuning.search import Search, SearchCallbacks
from tuning.task import Task, TaskResult

ACCURACY = Objective("val_accuracy", "max")
# All that can be made here.
EVERY_STRATEGY = [
    pytest.param(name, marks=pytest.mark.skipif(name == "gp" and find_spec("torch") is None, reason="needs PyTorch"))
    for name in strategies.TRIAL_BY_TRIAL
]


def branching(hp: HyperParameters) -> None:
    """One plain, 2 x 3 deep ones and 4 wide ones, each with and without norm."""
    kind = hp.Choice("kind", ["plain", "deep", "wide"], default="plain")
    if kind == "deep":
        hp.Int("depth", 1, 2)
        hp.Choice("width", [8, 16, 32], default=16)
    if kind == "wide":
        hp.Float("share", 0.0, 0.3, step=0.1)
    hp.Boolean("norm")


SIZE = (1 + 2 * 3 + 4) * 2


def searchable(declare: Callable[[HyperParameters], Any] = branching) -> HyperParameters:
    """The hyperparameters of the space, as oracles take them."""
    return space.to_hyperparameters(space.explore(declare))


def search(
    place: Path,
    strategy: str = "random",
    *,
    trials: int | None = 8,
    work: Callable[[Task], TaskResult] = train,
    executor: Executor | None = None,
    callbacks: SearchCallbacks | None = None,
    declare: Callable[[HyperParameters], Any] = branching,
    started: float | None = None,
    rank: Callable[[], Ranking] | None = None,
    **plan: Any,
) -> list[Trial]:
    """Run a search whose state is in a folder; resume the one that is there."""
    whole = SearchPlan(strategy, [ACCURACY], **{"epochs": 4, "trials": trials} | plan)
    options = OracleOptions(whole.trials, whole.epochs, whole.seed, whole.pruner)
    made = strategies.create(strategy, searchable(declare), whole.objectives, options)
    journal = Journal(place / JOURNAL_FILE)
    try:
        return Search(whole, made, journal, executor or InProcessExecutor(), work, callbacks, started, rank).run()
    finally:
        journal.close()


def outcomes(trials: list[Trial]) -> list[Any]:
    """The part of the trials that is the same in two equal searches."""
    return [(trial.id, trial.status, trial.hyperparameters, trial.score, trial.epochs) for trial in trials]
