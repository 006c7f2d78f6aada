"""Which trial a search selects: the best one, or the cheapest of those that are nearly as good."""

from dataclasses import dataclass

from suite.errors import UsageError
from suite.search_record import COMPLETED, Objective, Trial

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
    """The winner among completed trials; UsageError if the search did not measure the rule's cost."""
    first = objectives[0]
    scored = [trial for trial in trials if trial.status == COMPLETED and trial.score is not None]
    best = max(scored, key=lambda trial: first.sign * trial.scores[first.name])
    if rule is None:
        return best
    limit = first.sign * best.scores[first.name] - rule.margin * abs(best.scores[first.name])
    candidates = [trial for trial in scored if first.sign * trial.scores[first.name] >= limit]
    if not all(rule.cost in trial.scores for trial in candidates):
        raise UsageError(f"the search measured no {rule.cost}: name it in --objective when the search begins")
    return min(candidates, key=lambda trial: (trial.scores[rule.cost], -first.sign * trial.scores[first.name]))
