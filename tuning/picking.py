"""Which of the trials of a search wins: the best one, or the cheapest of those that are nearly as good."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.errors import UsageError
from tuning.trial import COMPLETED, Trial

if TYPE_CHECKING:
    from suite.report.trials import Objective

RULES = {"fastest-within": "latency", "smallest-within": "size", "lightest-within": "flops"}


@dataclass(frozen=True)
class Rule:
    """The lowest `cost` among trials at most `margin` behind the best, as a share of the best's score."""

    cost: str
    margin: float


def parse(name: str, margin: float) -> Rule:
    """The rule of that name, such as `fastest-within`."""
    return Rule(RULES[name], margin)


def measured(rule: Rule | None, objectives: "list[Objective]") -> "list[Objective]":
    """The objectives with the rule's cost among them."""
    if rule is None or any(one.name == rule.cost for one in objectives):
        return objectives
    from suite.report.trials import Objective

    return [*objectives, Objective(rule.cost, "min")]


def pick(rule: Rule | None, objectives: "list[Objective]", trials: list[Trial]) -> Trial:
    """The winner among completed trials."""
    first = objectives[0]
    scored = [trial for trial in trials if trial.status == COMPLETED and trial.score is not None]
    best = max(scored, key=lambda trial: first.sign * trial.scores[first.name])
    if rule is None:
        return best
    limit = first.sign * best.scores[first.name] - rule.margin * abs(best.scores[first.name])
    near = [trial for trial in scored if first.sign * trial.scores[first.name] >= limit]
    if not all(rule.cost in trial.scores for trial in near):
        raise UsageError(f"the search measured no {rule.cost}: name it in --objective when the search begins")
    return min(near, key=lambda trial: (trial.scores[rule.cost], -first.sign * trial.scores[first.name]))
