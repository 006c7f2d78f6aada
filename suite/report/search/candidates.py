"""The part of a search's section about the ranking that it began with: its candidates, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from markupsafe import Markup

from suite.notation import dotted, format_value
from suite.report.search import options
from suite.report.search.options import OptionRow
from suite.report.search.ranking import RankedSearch
from suite.search_record import COMPLETED, FINISHED, RUNNING, Candidate, Ranking, Trial

MAX_CANDIDATES, MAX_COLUMNS = 20, 6
# The fewest networks whose orders are compared, and how many it takes for more than a hint.
MIN_NETWORKS, MANY_NETWORKS = 3, 10
# Scores from here on are written as whole numbers.
LARGE = 1000.0


@dataclass(frozen=True)
class CandidateRow:
    """A candidate, and `trial`, in which it was trained by itself, if it was.

    `place` is the candidate's among those trained to the end; equal scores share one. `outcome` is a word where the
    trial has no score. `values` are those of RankingPart.columns; empty where the network has no such hyperparameter.
    """

    score: float
    trial: Trial | None
    place: int | None
    outcome: str
    values: list[str]

    @property
    def score_text(self) -> str:
        """The ranking's score for people."""
        return f"{self.score:,.0f}" if abs(self.score) >= LARGE else f"{self.score:.4f}"


@dataclass(frozen=True)
class Agreement:
    """Rank correlations between a ranking and the scores of `networks` by themselves: 1 where the order is the same."""

    networks: int
    spearman: float
    kendall: float

    @property
    def verdict(self) -> str:
        """How far both agree, in words."""
        levels = ((0.7, "largely agree"), (0.3, "agree in part"), (-0.3, "have little to do with each other"))
        return next((words for least, words in levels if self.spearman >= least), "contradict each other")

    @property
    def is_hint(self) -> bool:
        """Whether the networks are too few for more than a hint."""
        return self.networks < MANY_NETWORKS


@dataclass(frozen=True)
class RankingPart:
    """A ranking, its candidates, and the options that it chose from.

    `trained` is the number of candidates that were trained by themselves to the end, `columns` the hyperparameters in
    the table of candidates. `charts` show likelihoods; `unshown` hyperparameters changed less than those in charts, by
    `unshown_change` at most.
    """

    ranking: Ranking
    rows: list[CandidateRow]
    trained: int
    agreement: Agreement | None
    columns: list[str]
    charts: list[Markup]
    unshown: int
    unshown_change: float
    options: list[OptionRow]


def part(search: RankedSearch, winner: Trial) -> RankingPart | None:
    """The part about a search's ranking; None if it began without one."""
    ranking = search.ranking
    if ranking is None:
        return None
    choices = {dotted(name): values for name, values in ranking.options.items()}
    history = {dotted(name): np.array(epochs, np.float64) for name, epochs in ranking.history.items() if epochs}
    candidates = [Candidate(_dotted_names(one.hyperparameters), one.score) for one in ranking.candidates]
    columns = _differing(candidates, choices)[:MAX_COLUMNS]
    rows = _rows(search, candidates, columns)
    changes = options.changes(history)
    unshown = list(changes.values())[options.MAX_CHARTS :]
    return RankingPart(
        ranking=ranking,
        rows=rows[:MAX_CANDIDATES],
        trained=sum(row.place is not None for row in rows),
        agreement=measure_agreement(rows, search.objective.sign),
        columns=columns,
        charts=[options.chart(name, choices[name], history[name]) for name in list(changes)[: options.MAX_CHARTS]],
        unshown=len(unshown),
        unshown_change=max(unshown, default=0.0),
        options=options.rows(choices, history, winner.hyperparameters),
    )


def _dotted_names(values: Mapping[str, Any]) -> dict[str, Any]:
    return {dotted(name): value for name, value in values.items()}


def _differing(candidates: Sequence[Candidate], choices: Mapping[str, Sequence[Any]]) -> list[str]:
    """The hyperparameters that were searched and in which candidates differ."""

    def count(name: str) -> int:
        return len({format_value(one.hyperparameters.get(name)) for one in candidates})

    return [name for name in choices if count(name) > 1]


def _rows(search: RankedSearch, candidates: Sequence[Candidate], columns: Sequence[str]) -> list[CandidateRow]:
    trials = [trial_of(candidate, search.trials) for candidate in candidates]
    finished = [trial for trial in trials if _is_finished(trial)]
    return [
        CandidateRow(
            candidate.score, trial, _place(search, trial, finished), _outcome(trial),
            [_value_text(search, candidate, name) for name in columns],
        )
        for candidate, trial in zip(candidates, trials, strict=True)
    ]  # fmt: skip


def trial_of(candidate: Candidate, trials: Sequence[Trial]) -> Trial | None:
    """The first trial of the candidate's network; None if it was not tried.

    A candidate has a value for every hyperparameter, a trial only for those that exist in its network.
    """
    values = candidate.hyperparameters

    def is_same(trial: Trial) -> bool:
        common = trial.hyperparameters.keys() & values.keys()
        return bool(common) and all(trial.hyperparameters[name] == values[name] for name in common)

    return next((trial for trial in trials if is_same(trial)), None)


def _is_finished(trial: Trial | None) -> TypeGuard[Trial]:
    return trial is not None and trial.status == COMPLETED and trial.stage == FINISHED and trial.score is not None


def _place(search: RankedSearch, trial: Trial | None, finished: Sequence[Trial]) -> int | None:
    """One more than the trials with a better score; None if the trial is not finished."""
    if not _is_finished(trial):
        return None
    sign, score = search.objective.sign, trial.score or 0.0
    return 1 + sum(sign * (other.score or 0.0) > sign * score for other in finished)


def _outcome(trial: Trial | None) -> str:
    if trial is None:
        return "not trained"
    if trial.status == COMPLETED:
        return "" if trial.score is not None else "no score"
    return "not finished" if trial.status == RUNNING else trial.status


def _value_text(search: RankedSearch, candidate: Candidate, name: str) -> str:
    """A candidate's value for people; empty if its network has no such hyperparameter."""
    values = candidate.hyperparameters
    conditions = {one.name: one.when for one in search.dimensions}

    def exists(one: str) -> bool:
        return all(values.get(each.parent) in each.values and exists(each.parent) for each in conditions.get(one, ()))

    return format_value(values[name]) if name in values and exists(name) else ""


def measure_agreement(rows: Sequence[CandidateRow], sign: float) -> Agreement | None:
    """Spearman's and Kendall's rank correlation (tau-b) among candidates trained to the end.

    `sign` is that of the objective. None if they are too few, or all alike in one of the scores.
    """
    pairs = [(-row.score, sign * (row.trial.score or 0.0)) for row in rows if row.trial and row.place is not None]
    if len(pairs) < MIN_NETWORKS or any(len(set(scores)) == 1 for scores in zip(*pairs, strict=True)):
        return None
    from scipy import stats

    proposed, alone = zip(*pairs, strict=True)
    spearman, kendall = (measure(proposed, alone).statistic for measure in (stats.spearmanr, stats.kendalltau))
    return Agreement(len(pairs), float(spearman), float(kendall))
