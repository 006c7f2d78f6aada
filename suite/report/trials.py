"""A search as the card tells of it: objectives, space and trials."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np

COMPLETED, INFEASIBLE, FAILED = "completed", "infeasible", "failed"
ON_VALIDATION = "val_"
# From so many scores on, one that is far worse than most can be told.
ENOUGH, FAR = 8, 3.0
ROOM = 0.06


@dataclass(frozen=True)
class Objective:
    """What a search goes by, such as `val_accuracy` or `latency`: `direction` is max where more is better, else min."""

    name: str
    direction: str

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.direction == "max" else -1.0

    @property
    def metric(self) -> str | None:
        """The metric that it is on validation rows; None where it is none."""
        return self.name.removeprefix(ON_VALIDATION) if self.name.startswith(ON_VALIDATION) else None


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter of the space; `values` are None for a continuum from `low` to `high`.

    `where` says in words when it exists, if not always.
    """

    name: str
    range: str
    values: tuple[Any, ...] | None
    low: float | None
    high: float | None
    logarithmic: bool
    where: str


@dataclass(frozen=True)
class Trial:
    """A network that was tried. `score` is None where there is none that is finite.

    `values` lacks the hyperparameters that do not exist beside the others.
    """

    id: int
    status: str
    values: Mapping[str, Any]
    score: float | None
    deviation: float | None
    scores: Mapping[str, float]
    epochs: int
    seconds: float
    started: float
    reason: str | None

    def text(self, name: str) -> str:
        """A hyperparameter's value, and nothing where it does not exist."""
        return written(self.values[name]) if name in self.values else ""


@dataclass(frozen=True)
class Search:
    """A finished search; `best` is the number of the trial that won, which need not have the best score."""

    strategy: str
    seed: int
    seconds: float
    best: int
    objectives: tuple[Objective, ...]
    dimensions: tuple[Dimension, ...]
    trials: tuple[Trial, ...]

    @property
    def objective(self) -> Objective:
        """The first, which the score is."""
        return self.objectives[0]

    @cached_property
    def ranked(self) -> list[Trial]:
        """Trials with a score, the best first."""
        scored = [trial for trial in self.trials if trial.status == COMPLETED and trial.score is not None]
        return sorted(scored, key=lambda trial: -self.objective.sign * (trial.score or 0.0))

    @cached_property
    def scores(self) -> np.ndarray:
        """The scores of `ranked`, (N,)."""
        return np.array([trial.score for trial in self.ranked], np.float64)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The scores without those that are far worse than most, which would hide how the others differ."""
        low, high = float(self.scores.min()), float(self.scores.max())
        first, third = (float(bound) for bound in np.percentile(self.scores, [25, 75]))
        far = FAR * (third - first)
        if len(self.scores) < ENOUGH or not far:
            return low, high
        return (max(low, first - far), high) if self.objective.sign > 0 else (low, min(high, third + far))

    @property
    def axis(self) -> tuple[float, float]:
        """The limits with some room around them."""
        low, high = self.limits
        room = ROOM * (high - low) or ROOM * abs(low) or ROOM
        return low - room, high + room

    @cached_property
    def varied(self) -> list[Dimension]:
        """The dimensions that differ among trials with a score."""
        return [one for one in self.dimensions if len({_identity(trial, one.name) for trial in self.ranked}) > 1]


def _identity(trial: Trial, name: str) -> tuple[bool, str]:
    return name in trial.values, trial.text(name)


def read(value: Mapping[str, Any]) -> Search | None:
    """The search of a card; None where there was none, or one of which the card does not tell enough to draw it."""
    if "objectives" not in value:
        return None
    return Search(
        value["strategy"],
        value["seed"],
        value["seconds"],
        value["best"],
        tuple(Objective(one["name"], one["direction"]) for one in value["objectives"]),
        tuple(_dimension(one) for one in value["space"]),
        tuple(_trial(one) for one in value["trials"]),
    )


def _dimension(value: Mapping[str, Any]) -> Dimension:
    where = " and ".join(
        f"{_dotted(condition['parent'])} is {' or '.join(map(written, condition['values']))}"
        for condition in value["when"]
    )
    values = None if value["values"] is None else tuple(value["values"])
    return Dimension(
        _dotted(value["name"]), value["range"], values, value["low"], value["high"], bool(value["logarithmic"]), where
    )


def _trial(value: Mapping[str, Any]) -> Trial:
    return Trial(
        value["id"],
        value["status"],
        {_dotted(name): chosen for name, chosen in value["hyperparameters"].items()},
        _finite(value["score"]),
        _finite(value["deviation"]),
        {name: score for name, score in value["scores"].items() if _finite(score) is not None},
        value["epochs"],
        value["seconds"],
        value["started"],
        value["reason"],
    )


def _dotted(name: str) -> str:
    """A hyperparameter's name as people write it; KerasTuner's own has slashes."""
    return name.replace("/", ".")


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def written(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all are numbers; truth values are none."""
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
