"""The result of a search, and what becomes of it: the final training, the report, the card."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import workflow
from suite.domain import Domain
from suite.notation import rounded
from suite.report import network
from suite.search_record import FINISHED, Ranking, SearchRecord, Trial
from tuning import search_folder, trial_selection
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
    """A finished search and its space; it took `seconds`.

    Its time began at `began`, in seconds of `time.time`; for a resumed search, as if it had never been stopped.
    """

    plan: SearchPlan
    dimensions: list[Dimension]
    trials: list[Trial]
    seconds: float
    folder: Path
    runner: TrialRunner
    began: float
    ranking: Ranking | None = None

    def checkpoint_options(self, trial: Trial) -> "CheckpointOptions | None":
        """Where the training of a trial can go on from; None if the trial has several runs."""
        return self.runner.checkpoint_options(trial.id, 0) if self.plan.runs_per_trial == 1 else None

    def has_time_for(self, seconds: float, trial: Trial) -> bool:
        """Whether a training that takes about so long, and saving, would keep to the plan's time, or nearly."""
        limit = self.plan.seconds
        if limit is None:
            return True
        seconds += trial.setup_seconds + self.plan.saving_seconds(trial)
        return time.time() - self.began + seconds <= limit * (1 + TIME_TOLERANCE / 2)

    def deadline(self, trial: Trial) -> float | None:
        """When the last epoch of a trial's last training may begin, so that the network can still be saved in time."""
        limit = self.plan.seconds
        return None if limit is None else self.began + limit - self.plan.saving_seconds(trial)

    def contender(self) -> Trial | None:
        """A trial that may beat the best once it is trained to its end, if there is time for that."""
        plan = self.plan
        found = trial_selection.contender(plan.objectives, self.trials)
        if found is None or plan.runs_per_trial > 1:
            return None
        seconds = (plan.epochs - found.epochs) * found.epoch_seconds
        return found if self.has_time_for(seconds, found) else None

    def finish(self, trial: Trial, history: dict[str, list[float]], best_epoch: int) -> None:
        """Give a trial the scores of a training to the end."""
        objective = self.plan.objectives[0]
        trial.stage, trial.epochs, trial.reason = FINISHED, len(history["loss"]), None
        trial.scores |= {one.name: history[one.name][best_epoch - 1] for one in self.plan.objectives if one.metric}
        trial.score = rounded(trial.scores[objective.name])

    def delete_states(self) -> None:
        """Delete what only a search that goes on would need."""
        search_folder.delete_states(self.folder)

    def runners_up(
        self, best: Trial, domain: Domain, prepared: "PreparedData"
    ) -> list[tuple[str, list[network.Block]]]:  # fmt: skip
        """Titles and networks, as a report draws them, of the next best trials after `best`."""
        rank = trial_selection.ranking(self.plan.objectives[0])
        others = [trial for trial in self.trials if trial.score is not None and trial.id != best.id]
        titled = []
        for trial in sorted(others, key=rank, reverse=True)[:RUNNERS_UP]:
            hp = workflow.resolve_hyperparameters(domain, prepared, self.plan.epochs, trial.hyperparameters)
            blocks = network.blocks(domain.build(hp, prepared.preprocessing, prepared.head))
            titled.append((f"Trial {trial.id}, {trial.score:.4f}", blocks))
        return titled

    def to_json(self, best: Trial) -> dict[str, Any]:
        """The record of the search for the card."""
        dimensions = tuple(dimension.record() for dimension in self.dimensions if dimension.values != 1)
        plan, seconds = self.plan, round(self.seconds, 1)
        record = SearchRecord(
            plan.strategy, plan.seed, seconds, best.id, tuple(plan.objectives), dimensions, tuple(self.trials),
            self.ranking,
        )  # fmt: skip
        return record.to_json()
