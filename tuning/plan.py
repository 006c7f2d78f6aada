"""What a search is to do, and how far it may go."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.report.trials import Objective
    from tuning.trial import Trial


@dataclass(frozen=True)
class Plan:
    """Everything that a search goes by.

    `trials` and `seconds` bound it (None: no bound). A trial has `parts` trainings, a fold and repeat each, of at most
    `epochs`; `folds` of them are of one repeat. `workers` trials run at a time. `identity` is what must be the same
    for a search to go on: data, domain, space. `retrains` times the best one is trained anew after the search. `pruner`
    ends trials early.
    """

    strategy: str
    objectives: "list[Objective]"
    epochs: int
    seed: int = 0
    trials: int | None = None
    seconds: float | None = None
    folds: int = 1
    repeats: int = 1
    workers: int = 1
    retrains: int = 0
    pruner: str | None = None
    identity: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> int:
        """How many trainings a trial has."""
        return self.folds * self.repeats

    @property
    def fixed(self) -> dict[str, Any]:
        """What may not change when a search goes on; its bounds and workers may."""
        return {
            **self.identity,
            "strategy": self.strategy,
            "objective": ",".join(one.name for one in self.objectives),
            "epochs": self.epochs,
            "seed": self.seed,
            "folds": self.folds,
            "repeats": self.repeats,
            "pruner": self.pruner or "none",
        }

    def epoch_seconds(self, best: "Trial | None") -> float | None:
        """How long an epoch of another network may take (None: as long as it likes).

        One that is much slower than the best has to fit into what is left for the last training.
        """
        if self.seconds is None or best is None or not best.epochs:
            return None
        return max(self.seconds / 2 / self.epochs, 2 * self._epoch(best))

    def to_finish(self, best: "Trial | None") -> float:
        """About how many seconds to leave for training the best trial to its end, and as often again as is asked.

        At most half of the time there is: a search that has no time to search is none.
        """
        if self.seconds is None or best is None or not best.epochs:
            return 0.0
        left = (self.epochs if self.parts > 1 else self.epochs - best.epochs) + self.retrains * self.epochs
        return min(left * self._epoch(best), self.seconds / 2)

    def _epoch(self, trial: "Trial") -> float:
        """About how many seconds an epoch of a trial took."""
        return trial.seconds / trial.epochs / self.parts
