"""A trial that a search works on."""

from dataclasses import dataclass, field

from suite.search_record import Trial
from tuning.strategies import Proposal


@dataclass
class ActiveTrial:
    """A trial that has not ended, and the scores of its runs so far; `attempts` counts workers lost in the next run.

    Its last task was submitted at `submitted`, in seconds of `time.time`. Whatever the strategy wants of it,
    the default network is trained to the end: then the runs go on up to `full_length`, and `told` are the scores that
    the strategy gets.
    """

    proposal: Proposal
    trial: Trial
    scores: list[float] = field(default_factory=list)
    attempts: int = 0
    ended: bool = False
    full_length: int | None = None
    told: dict[str, float] | None = None
    submitted: float = 0.0

    @property
    def target_epoch(self) -> int:
        """The epoch up to which to train next; the first of several runs stops at every rung."""
        if self.full_length is not None or self.scores:
            return self.last_epoch
        return next((rung for rung in self.proposal.rungs if rung > self.trial.epochs), self.proposal.target_epoch)

    @property
    def last_epoch(self) -> int:
        """The epoch up to which the trial is trained."""
        return self.proposal.target_epoch if self.full_length is None else self.full_length

    def go_on_to(self, epoch: int) -> None:
        """Train all runs further, up to an epoch, with the strategy's scores set aside."""
        self.full_length, self.told, self.scores = epoch, dict(self.trial.scores), []
