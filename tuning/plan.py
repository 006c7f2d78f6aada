"""The plan of a search: strategy, objectives and bounds."""

from dataclasses import dataclass, field
from typing import Any

from suite.search_record import FINISHED, Objective, Trial

LATENCY = "latency"
# Evaluation, export and report of the best network: about so many seconds, and at most this share of the time; and
# about so many times what it takes to build and trace the network.
SAVE_SECONDS, MAX_SAVE_SHARE, SETUPS_TO_SAVE = 10.0, 0.1, 1.5


@dataclass(frozen=True)
class SearchPlan:
    """What a search does, and how far it may go.

    `trials` and `seconds` bound it (None: no bound). A trial has one run for each of `folds` and `repeats`, of at most
    `epochs` epochs. `workers` trials run at a time. `identity` names the data, the domain and the space. After the
    search, the best network is retrained `retrainings` times. `pruner` names the rule that ends trials early.
    `warm_start` is the method whose ranking the strategy begins with. `limits` bounds costs of a prediction by name: a
    network beyond them is infeasible.
    """

    strategy: str
    objectives: list[Objective]
    epochs: int
    seed: int = 0
    trials: int | None = None
    seconds: float | None = None
    folds: int = 1
    repeats: int = 1
    workers: int = 1
    retrainings: int = 0
    pruner: str | None = None
    warm_start: str | None = None
    limits: dict[str, float] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)

    @property
    def runs_per_trial(self) -> int:
        """How many times a trial's network is trained."""
        return self.folds * self.repeats

    @property
    def resume_identity(self) -> dict[str, Any]:
        """What must be the same for a search to resume; bounds and workers may change."""
        return {
            **self.identity,
            "strategy": self.strategy,
            "objective": ",".join(objective.name for objective in self.objectives),
            "epochs": self.epochs,
            "seed": self.seed,
            "folds": self.folds,
            "repeats": self.repeats,
            "pruner": self.pruner or "none",
            "warm start": self.warm_start or "none",
            "budget": ",".join(f"{name}={limit:g}" for name, limit in sorted(self.limits.items())) or "none",
        }

    @property
    def varies(self) -> str:
        """Why the same plan may end with another network; empty if it always ends with the same one."""
        if self.seconds is not None:
            return "The search was limited by time: how many networks it can try depends on the machine."
        if self.workers > 1:
            return "Trials ran at the same time: which ones ended first, and so what came next, was chance."
        if LATENCY in self.limits or any(objective.name == LATENCY for objective in self.objectives):
            return "The search measured latency, which is never twice the same."
        return ""

    def max_epoch_seconds(self, best: Trial | None) -> float | None:
        """How long an epoch of another network may take (None: no limit).

        A network may be much slower than the best one only if its final training still fits into the time.
        """
        if self.seconds is None or best is None or not best.epochs:
            return None
        return max(self.seconds / 2 / self.epochs, 2 * best.epoch_seconds)

    def reserved_seconds(self, best: Trial | None, contender: Trial | None = None) -> float:
        """About how many seconds to reserve for what follows the search.

        That is the rest of the training of `contender`, if there is one that might still beat the best trial; the last
        trainings of the winner; and saving it. It is at most half of the time: the rest is for the search itself.
        """
        if self.seconds is None:
            return 0.0
        last = contender or best
        if last is None or not last.epochs:
            return self.saving_seconds(last)
        done = 0
        if self.runs_per_trial == 1:
            done = self.epochs if contender is None else contender.epochs
        to_finish = self.epochs - done
        trainings = bool(to_finish) + self.retrainings
        epochs = to_finish + self.retrainings * self._usual_epochs(best)
        seconds = epochs * last.epoch_seconds + trainings * last.setup_seconds
        return min(seconds + self.saving_seconds(last), self.seconds / 2)

    def _usual_epochs(self, best: Trial | None) -> int:
        """About how many epochs a training to the end has: mostly it ends early, as that of the best trial did."""
        return best.epochs if best is not None and best.stage == FINISHED else self.epochs

    def saving_seconds(self, winner: Trial | None) -> float:
        """About how many seconds to reserve for the evaluation, export and report of the winner."""
        if self.seconds is None:
            return 0.0
        setup = 0.0 if winner is None else winner.setup_seconds
        return min(SAVE_SECONDS, MAX_SAVE_SHARE * self.seconds) + SETUPS_TO_SAVE * setup
