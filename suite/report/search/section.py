"""The section of a report about an architecture search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from suite.report import column_drawing
from suite.report.network import Block
from suite.report.search import candidates, charts, importance, parallel_coordinates
from suite.report.search.candidates import RankingPart
from suite.report.search.importance import Importance
from suite.report.search.ranking import RankedSearch
from suite.search_record import COMPLETED, FAILED, INFEASIBLE, DimensionRecord, Trial

MAX_COORDINATES, MAX_SLICES, MAX_COLUMNS = 8, 6, 6
# The smallest drop of R² that is not written as zero.
MIN_DROP = 0.0005
MAX_TRIALS, MAX_BARS, MAX_REASONS, MAX_NUMBERS = 20, 15, 10, 6


@dataclass(frozen=True)
class Bar:
    """A hyperparameter's importance; `share` is the bar's length as a share of the longest."""

    dimension: DimensionRecord
    drop: float
    share: float
    winner: str


@dataclass(frozen=True)
class TimeSpent:
    """Trials that ended in one way and the time they took; `share` is of the seconds of all trials."""

    name: str
    mark: str
    trials: int
    epochs: int
    seconds: float
    share: float


@dataclass(frozen=True)
class Section:
    """A search and its charts and tables; what cannot be measured is None or empty.

    `columns` are the hyperparameters in the table of trials; `more_columns` are all that vary, if the table has no
    room for them. `coordinates` is the number of hyperparameters in the parallel coordinates.
    """

    search: RankedSearch
    winner: Trial
    time_spent: list[TimeSpent]
    reasons: list[tuple[str, str, str]]
    history: Markup
    ranking: RankingPart | None
    parallel: Markup | None
    coordinates: int
    importance: Importance | None
    bars: list[Bar]
    slices: list[Markup]
    trade_offs: list[Markup]
    front: list[Trial]
    top: list[Trial]
    columns: list[DimensionRecord]
    more_columns: list[DimensionRecord]
    drawings: list[tuple[str, Markup]]


def section(
    card_search: Mapping[str, Any], blocks: Sequence[Block], runners_up: Sequence[tuple[str, Sequence[Block]]]
) -> Section | None:
    """The section for a card's search; None if there is nothing to draw.

    `blocks` are those of the winner's network; `runners_up` are titles and blocks of the next best networks.
    """
    search = RankedSearch.from_json(card_search)
    if search is None or not search.ranked:
        return None
    measured = importance.measure(search)
    important = _most_important(search, measured)
    winner = next(trial for trial in search.trials if trial.id == search.best)
    several = len(search.objectives) > 1
    drawings = [(f"Trial {winner.id}, the winner", blocks), *runners_up] if runners_up else []
    return Section(
        search=search,
        winner=winner,
        time_spent=_time_spent(search),
        reasons=_reasons(search),
        history=charts.history(search),
        ranking=candidates.part(search, winner),
        parallel=parallel_coordinates.draw(search, important) if important else None,
        coordinates=len(important),
        importance=measured,
        bars=_bars(search, winner, measured),
        slices=charts.slices(search, important[:MAX_SLICES]),
        trade_offs=charts.trade_offs(search) if several else [],
        front=charts.front(search) if several else [],
        top=search.ranked[:MAX_TRIALS],
        columns=important[:MAX_COLUMNS],
        more_columns=search.varying if len(search.varying) > MAX_COLUMNS else [],
        drawings=[(title, column_drawing.draw(layers)) for title, layers in drawings],
    )


def _most_important(search: RankedSearch, measured: Importance | None) -> list[DimensionRecord]:
    """The hyperparameters to draw: the most important ones, or the first ones if importance is unknown."""
    ranks = {name: rank for rank, name in enumerate(measured.drops if measured else ())}
    return sorted(search.varying, key=lambda one: ranks.get(one.name, 0))[:MAX_COORDINATES]


def _bars(search: RankedSearch, winner: Trial, measured: Importance | None) -> list[Bar]:
    if measured is None:
        return []
    dimensions = {one.name: one for one in search.dimensions}
    longest = max(measured.drops.values()) or 1.0
    return [
        Bar(dimensions[name], drop, drop / longest, winner.value_text(name))
        for name, drop in list(measured.drops.items())[:MAX_BARS]
        if drop >= MIN_DROP
    ]


def _time_spent(search: RankedSearch) -> list[TimeSpent]:
    """The seconds of all trials, by how the trials ended."""
    whole = [trial for trial in search.trials if trial.status == COMPLETED and not trial.reason]
    early = [trial for trial in search.trials if trial.status == COMPLETED and trial.reason]
    groups = [
        ("trained as planned", "●", whole),
        ("stopped early", "○", early),
        ("infeasible", "◇", [trial for trial in search.trials if trial.status == INFEASIBLE]),
        ("failed", "×", [trial for trial in search.trials if trial.status == FAILED]),
    ]
    total = sum(trial.seconds for trial in search.trials) or 1.0
    rows = []
    for name, mark, group in groups:
        epochs, seconds = sum(trial.epochs for trial in group), sum(trial.seconds for trial in group)
        rows.append(TimeSpent(name, mark, len(group), epochs, seconds, seconds / total))
    return [row for row in rows if row.trials]


def _reasons(search: RankedSearch) -> list[tuple[str, str, str]]:
    """Status, reason and trial numbers of the trials that ended early or badly; the commonest reason first."""

    def outcome(trial: Trial) -> tuple[str, str]:
        return ("stopped early" if trial.status == COMPLETED else trial.status, str(trial.reason))

    explained = sorted((trial for trial in search.trials if trial.reason), key=outcome)
    groups = sorted(([*group] for _, group in groupby(explained, outcome)), key=len, reverse=True)
    return [(*outcome(group[0]), _numbers(group)) for group in groups[:MAX_REASONS]]


def _numbers(group: Sequence[Trial]) -> str:
    more = f" and {len(group) - MAX_NUMBERS} more" if len(group) > MAX_NUMBERS else ""
    return ", ".join(str(trial.id) for trial in group[:MAX_NUMBERS]) + more
