"""The result of a search, and what becomes of it: the final training, the report, the card."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import workflow
from suite.domain import Domain
from suite.report import network
from suite.search_record import SearchRecord, Trial
from tuning import search_folder
from tuning.plan import SearchPlan
from tuning.runner import TrialRunner
from tuning.space import Dimension

if TYPE_CHECKING:
    from suite.training.data import PreparedData
    from suite.training.fit import CheckpointOptions

# A search may take longer than asked by this share, if it ends with a better network.
TIME_TOLERANCE = 0.1
RUNNERS_UP = 2


@dataclass(frozen=True)
class SearchResult:
    """A finished search and its space; it began at `started`, in seconds of `time.time`, and took `seconds`."""

    plan: SearchPlan
    dimensions: list[Dimension]
    trials: list[Trial]
    seconds: float
    folder: Path
    runner: TrialRunner
    started: float

    def checkpoint_options(self, trial: Trial) -> "CheckpointOptions | None":
        """Where the training of a trial can go on from; None if the trial has several runs."""
        return self.runner.checkpoint_options(trial.id, 0) if self.plan.runs_per_trial == 1 else None

    def has_time_for(self, seconds: float) -> bool:
        """Whether a training that takes about so long would keep to the plan's time, or nearly."""
        limit = self.plan.seconds
        return limit is None or time.time() - self.started + seconds <= limit * (1 + TIME_TOLERANCE)

    def delete_states(self) -> None:
        """Delete what only a search that goes on would need."""
        search_folder.delete_states(self.folder)

    def runners_up(
        self, best: Trial, domain: Domain, prepared: "PreparedData"
    ) -> list[tuple[str, list[network.Block]]]:  # fmt: skip
        """Titles and networks, as a report draws them, of the next best trials after `best`."""
        sign = self.plan.objectives[0].sign
        others = [trial for trial in self.trials if trial.score is not None and trial.id != best.id]
        titled = []
        for trial in sorted(others, key=lambda trial: -sign * (trial.score or 0.0))[:RUNNERS_UP]:
            hp = workflow.resolve_hyperparameters(domain, prepared, self.plan.epochs, trial.hyperparameters)
            blocks = network.blocks(domain.build(hp, prepared.preprocessing, len(prepared.labels)))
            titled.append((f"Trial {trial.id}, {trial.score:.4f}", blocks))
        return titled

    def to_json(self, best: Trial) -> dict[str, Any]:
        """The record of the search for the card."""
        dimensions = tuple(dimension.record() for dimension in self.dimensions if dimension.values != 1)
        plan, seconds = self.plan, round(self.seconds, 1)
        record = SearchRecord(
            plan.strategy, plan.seed, seconds, best.id, tuple(plan.objectives), dimensions, tuple(self.trials)
        )
        return record.to_json()
