"""The ways to search, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import unknown

FACTOR = 3


@dataclass(frozen=True)
class Budget:
    """How much a search may spend: `trials` in all, each of at most `epochs`; `folder` holds its state meanwhile."""

    trials: int
    epochs: int
    seed: int
    folder: Path


def _random(hypermodel: Any, objective: Any, budget: Budget) -> Any:
    import keras_tuner

    return keras_tuner.RandomSearch(
        hypermodel, objective, max_trials=budget.trials, seed=budget.seed, directory=budget.folder
    )


def _bayesian(hypermodel: Any, objective: Any, budget: Budget) -> Any:
    import keras_tuner

    return keras_tuner.BayesianOptimization(
        hypermodel, objective, max_trials=budget.trials, seed=budget.seed, directory=budget.folder
    )


def _hyperband(hypermodel: Any, objective: Any, budget: Budget) -> Any:
    import keras_tuner

    tuner = keras_tuner.Hyperband(
        hypermodel, objective, max_epochs=budget.epochs, factor=FACTOR, hyperband_iterations=100, seed=budget.seed,
        directory=budget.folder,
    )  # fmt: skip
    # Hyperband counts brackets; a budget of trials is what all strategies have in common.
    tuner.oracle.max_trials = budget.trials
    return tuner


STRATEGIES: dict[str, Callable[[Any, Any, Budget], Any]] = {
    "random": _random,
    "bayesian": _bayesian,
    "hyperband": _hyperband,
}


def create(name: str, hypermodel: Any, objective: Any, budget: Budget) -> Any:
    """The KerasTuner tuner of that name; UsageError when there is none."""
    if name not in STRATEGIES:
        raise unknown("strategy", name, list(STRATEGIES))
    return STRATEGIES[name](hypermodel, objective, budget)
