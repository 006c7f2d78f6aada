"""Which trial a search selects: the best one, or the cheapest of those that are nearly as good.

Only networks that were trained to the end are compared with each other. After fewer epochs, networks are compared with
those that were trained as long.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from suite.errors import UsageError
from suite.search_record import COMPLETED, FINISHED, OPEN, Objective, Trial

# The first trial of a search is the domain's default network.
DEFAULT_TRIAL = 1
COST_BY_RULE = {"fastest-within": "latency", "smallest-within": "size", "lightest-within": "flops"}


@dataclass(frozen=True)
class SelectionRule:
    """Select the trial of the lowest `cost` among those at most `margin` behind the best, a share of its score."""

    cost: str
    margin: float


def parse_rule(name: str, margin: float) -> SelectionRule:
    """The rule of that name, such as `fastest-within`."""
    return SelectionRule(COST_BY_RULE[name], margin)


def with_cost_of(rule: SelectionRule | None, objectives: list[Objective]) -> list[Objective]:
    """The objectives, and the rule's cost if it is not among them."""
    if rule is None or any(objective.name == rule.cost for objective in objectives):
        return objectives
    return [*objectives, Objective(rule.cost, "min")]


def select(rule: SelectionRule | None, objectives: list[Objective], trials: list[Trial]) -> Trial:
    """The winner among finished trials; if there are none, among those that were trained furthest.

    UsageError if the search did not measure the rule's cost.
    """
    first = objectives[0]
    scored = [trial for trial in trials if trial.status == COMPLETED and trial.score is not None]
    best = max(scored, key=ranking(first))
    scored = [trial for trial in scored if _length(trial) == _length(best)]
    if rule is None:
        return best
    limit = first.sign * best.scores[first.name] - rule.margin * abs(best.scores[first.name])
    candidates = [trial for trial in scored if first.sign * trial.scores[first.name] >= limit]
    if not all(rule.cost in trial.scores for trial in candidates):
        raise UsageError(f"the search measured no {rule.cost}: name it in --objective when the search begins")
    return min(candidates, key=lambda trial: (trial.scores[rule.cost], -first.sign * trial.scores[first.name]))


def contender(objectives: list[Objective], trials: list[Trial]) -> Trial | None:
    """The most promising trial that more epochs may make the best; None if there is none.

    None, too, where a finished network has beaten the default one: then the time is better spent on that one.
    """
    scored = [trial for trial in trials if trial.score is not None]
    best = max(scored, key=ranking(objectives[0]), default=None)
    if best is not None and best.stage == FINISHED and best.id != DEFAULT_TRIAL:
        return None
    candidates = [trial for trial in trials if trial.stage == OPEN and trial.score is not None]
    return max(candidates, key=ranking(objectives[0]), default=None)


def ranking(objective: Objective) -> Callable[[Trial], tuple[int, float]]:
    """The key by which trials with scores are ordered: how far they were trained, then their score."""

    def key(trial: Trial) -> tuple[int, float]:
        return _length(trial), objective.sign * (trial.score or 0.0)

    return key


def _length(trial: Trial) -> int:
    """How far a trial was trained, for comparisons: all that are finished are alike."""
    return sys.maxsize if trial.stage == FINISHED else trial.epochs
