"""Methods that rank the networks of a space before any of them is trained by itself."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from suite.errors import UsageError
from suite.notation import slashed
from suite.search_record import Ranking
from tuning.hyperparameter_kinds import all_values
from tuning.ranking_methods import METHODS
from tuning.space import Dimension
from tuning.task import Values

if TYPE_CHECKING:
    from suite.domain import Domain
    from suite.training.callbacks import TrainingProgress
    from suite.training.data import PreparedData

# A ranking takes at most this share of the time of a search: the rest is for what is trained by itself.
SHARE_OF_TIME = 0.5
# So many networks of a ranking are trained by themselves.
CANDIDATES = 5


@dataclass(frozen=True)
class RankingProblem:
    """Find the `count` best networks of a space until `deadline`, in seconds of `time.time` (None: no bound).

    A training by itself has `epochs`. `limits` bounds costs of a prediction by name. `report` is called with the
    progress of trainings.
    """

    domain: "Domain"
    prepared: "PreparedData"
    dimensions: Sequence[Dimension]
    epochs: int
    seed: int
    count: int
    deadline: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    report: "Callable[[TrainingProgress], None]" = lambda progress: None

    @property
    def is_over(self) -> bool:
        """Whether nothing more should begin."""
        return self.deadline is not None and time.time() >= self.deadline

    def seconds_for(self, share: float) -> float | None:
        """A share of the time that is left, at least a second."""
        return None if self.deadline is None else max(1.0, share * (self.deadline - time.time()))

    @property
    def defaults(self) -> Values:
        """A value for every hyperparameter, whether it exists in the default network or not."""
        return {slashed(one.name): one.default for one in self.dimensions}

    @property
    def allowed(self) -> dict[str, list[Any]]:
        """The values that countable hyperparameters may take."""
        return {slashed(one.name): list(all_values(one.item)) for one in self.dimensions if one.values is not None}


def rank(method: str, problem: RankingProblem) -> Ranking:
    """What the method of this name finds; UsageError if the space is none for it."""
    from suite.training.memory import released

    module, _, function = METHODS[method].partition(":")
    with released():
        found: Ranking = getattr(import_module(module), function)(problem)
    if not found.candidates:
        raise UsageError(
            f"{method} found no network {'within the budget' if problem.limits else 'whose loss is a number'}: "
            f"{'raise it, or allow cheaper networks' if problem.limits else 'lower training.learning_rate'}"
        )
    return found
