"""The record of an architecture search: objectives, search space and trials, as a model's card holds them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Self

from suite.notation import dotted, format_value, slashed

COMPLETED, INFEASIBLE, FAILED, RUNNING = "completed", "infeasible", "failed", "running"
# How far a network with a score was trained: to the end, or as long as validation improved; less, because others were
# better; less, because there was no more time or its turn had not come.
FINISHED, STOPPED, OPEN = "finished", "stopped", "open"
VALIDATION_PREFIX = "val_"


@dataclass(frozen=True)
class Objective:
    """A figure that a search optimises, such as `val_accuracy` or `latency`; `direction` is max or min."""

    name: str
    direction: str

    @property
    def sign(self) -> float:
        """1 if higher is better, -1 if lower is."""
        return 1.0 if self.direction == "max" else -1.0

    @property
    def metric(self) -> str | None:
        """The metric behind it if it is measured on validation rows; else None."""
        prefix = VALIDATION_PREFIX
        return self.name.removeprefix(prefix) if self.name.startswith(prefix) else None


@dataclass(frozen=True)
class Condition:
    """A hyperparameter exists only if `parent` exists and has one of `values`."""

    parent: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class DimensionRecord:
    """A hyperparameter of the search space; `range` is for people.

    `values` is None for a continuous range from `low` to `high`. The hyperparameter exists if all conditions in
    `when` hold.
    """

    name: str
    range: str
    values: tuple[Any, ...] | None
    low: float | None
    high: float | None
    logarithmic: bool
    when: tuple[Condition, ...] = ()

    @property
    def where(self) -> str:
        """The conditions in words; empty if there are none."""
        return " and ".join(f"{one.parent} is {' or '.join(map(format_value, one.values))}" for one in self.when)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; names with slashes."""
        when = [{"parent": slashed(one.parent), "values": list(one.values)} for one in self.when]
        values = None if self.values is None else list(self.values)
        return {**asdict(self), "name": slashed(self.name), "values": values, "when": when}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        values = None if value["values"] is None else tuple(value["values"])
        when = tuple(Condition(dotted(one["parent"]), tuple(one["values"])) for one in value["when"])
        low, high, logarithmic = value["low"], value["high"], bool(value["logarithmic"])
        return cls(dotted(value["name"]), value["range"], values, low, high, logarithmic, when)


@dataclass
class Trial:
    """One network that a search tried.

    `status` is completed, infeasible (the network cannot be built), failed (its training ended in an error) or running;
    `reason` says why, or why it was stopped early. `score` is the first objective, the mean over its trainings, and
    `deviation` their standard deviation; `scores` holds every objective by name. `epochs` were trained, in `seconds`.
    When it was last trained, an epoch took `epoch_seconds`; before, building and tracing the network had taken
    `setup_seconds`. It began `started` seconds into the search. `stage` is finished, stopped or open: scores of
    networks that are not finished do not compare with those of others. `hyperparameters` holds only those that exist.
    """

    id: int
    status: str
    hyperparameters: dict[str, Any]
    score: float | None = None
    deviation: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    started: float = 0.0
    reason: str | None = None
    stage: str = FINISHED
    setup_seconds: float = 0.0
    epoch_seconds: float = 0.0

    def value_text(self, name: str) -> str:
        """A hyperparameter's value for people; empty if it does not exist."""
        return format_value(self.hyperparameters[name]) if name in self.hyperparameters else ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; names with slashes."""
        return asdict(self) | {"hyperparameters": {slashed(name): one for name, one in self.hyperparameters.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Scores that are not finite are left out."""
        return cls(
            **{
                **value,
                "hyperparameters": {dotted(name): one for name, one in value["hyperparameters"].items()},
                "score": _finite(value["score"]),
                "deviation": _finite(value["deviation"]),
                "scores": {name: score for name, score in value["scores"].items() if _finite(score) is not None},
            }
        )


@dataclass(frozen=True)
class Candidate:
    """A network that a ranking proposes to train, with the score that it has there; lower is better."""

    hyperparameters: dict[str, Any]
    score: float


@dataclass(frozen=True)
class Ranking:
    """The most promising networks of a space, the best first, as a method found them before any was trained by itself.

    `compared` networks were ranked in `seconds`. `options` holds the values of each hyperparameter that was searched,
    and `history` how likely each of them was after each epoch, where the method has likelihoods. `notes` are for
    people.
    """

    method: str
    candidates: tuple[Candidate, ...]
    compared: int
    seconds: float
    options: Mapping[str, list[Any]] = field(default_factory=dict)
    history: Mapping[str, list[list[float]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; names with slashes."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **value,
                "candidates": tuple(Candidate(**one) for one in value["candidates"]),
                "notes": tuple(value["notes"]),
            }
        )


@dataclass(frozen=True)
class SearchRecord:
    """A finished search; `best` is the number of the trial that was chosen, which need not have the best score.

    `ranking` is what it began with, if anything.
    """

    strategy: str
    seed: int
    seconds: float
    best: int
    objectives: tuple[Objective, ...]
    dimensions: tuple[DimensionRecord, ...]
    trials: tuple[Trial, ...]
    ranking: Ranking | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for the card."""
        return {
            "strategy": self.strategy,
            "seed": self.seed,
            "seconds": self.seconds,
            "best": self.best,
            "objectives": [asdict(one) for one in self.objectives],
            "space": [one.to_json() for one in self.dimensions],
            "trials": [one.to_json() for one in self.trials],
            "ranking": None if self.ranking is None else self.ranking.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self | None:
        """The search of a card; None if the card has none, or an old record without objectives."""
        if "objectives" not in value:
            return None
        return cls(
            value["strategy"],
            value["seed"],
            value["seconds"],
            value["best"],
            tuple(Objective(one["name"], one["direction"]) for one in value["objectives"]),
            tuple(DimensionRecord.from_json(one) for one in value["space"]),
            tuple(Trial.from_json(one) for one in value["trials"]),
            Ranking.from_json(value["ranking"]) if value.get("ranking") else None,
        )


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
