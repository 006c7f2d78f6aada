"""What the page tells of an architecture search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from suite.report import drawing, importance, parallel, search_plots, trials
from suite.report.network import Block
from suite.report.trials import COMPLETED, FAILED, INFEASIBLE, Dimension, Search, Trial

MOST_DRAWN, MOST_SLICES, MOST_COLUMNS = 8, 6, 6
# A fall of R2 that is written as more than nothing.
LEAST = 0.0005
MOST_TRIALS, MOST_BARS, MOST_REASONS, MOST_NAMED = 20, 15, 10, 6


@dataclass(frozen=True)
class Bar:
    """A hyperparameter's importance, and its length as a share of the longest."""

    dimension: Dimension
    fall: float
    share: float
    winner: str


@dataclass(frozen=True)
class Spent:
    """Trials that ended in one way, and what they took; `share` is of the seconds of all trials."""

    name: str
    mark: str
    trials: int
    epochs: int
    seconds: float
    share: float


@dataclass(frozen=True)
class Section:
    """The search itself, and what is drawn and listed of it; what cannot be told is None or empty.

    `columns` are the hyperparameters in the table of trials, `more` all that differ where those are too many for it.
    `drawn` is how many hyperparameters the parallel coordinates have, `far` how many trials are beyond the limits of
    the charts.
    """

    search: Search
    winner: Trial
    far: int
    spent: list[Spent]
    reasons: list[tuple[str, str, str]]
    history: Markup
    parallel: Markup | None
    drawn: int
    importance: importance.Importance | None
    bars: list[Bar]
    slices: list[Markup]
    trades: list[Markup]
    front: list[Trial]
    top: list[Trial]
    columns: list[Dimension]
    more: list[Dimension]
    drawings: list[tuple[str, Markup]]


def section(
    card_search: Mapping[str, Any], blocks: Sequence[Block], runners_up: Sequence[tuple[str, Sequence[Block]]]
) -> Section | None:
    """The section for a card's search, None where there is nothing to draw.

    `blocks` are the winner's, `runners_up` the titles and blocks of those that came after it.
    """
    search = trials.read(card_search)
    if search is None or not search.ranked:
        return None
    found = importance.measure(search)
    most = _most_important(search, found)
    winner = next(trial for trial in search.trials if trial.id == search.best)
    several = len(search.objectives) > 1
    drawings = [(f"Trial {winner.id}, the winner", blocks), *runners_up] if runners_up else []
    low, high = search.limits
    return Section(
        search=search,
        winner=winner,
        far=int(((search.scores < low) | (search.scores > high)).sum()),
        spent=_spent(search),
        reasons=_reasons(search),
        history=search_plots.history(search),
        parallel=parallel.draw(search, most) if most else None,
        drawn=len(most),
        importance=found,
        bars=_bars(search, winner, found),
        slices=search_plots.slices(search, most[:MOST_SLICES]),
        trades=search_plots.trades(search) if several else [],
        front=search_plots.front(search) if several else [],
        top=search.ranked[:MOST_TRIALS],
        columns=most[:MOST_COLUMNS],
        more=search.varied if len(search.varied) > MOST_COLUMNS else [],
        drawings=[(title, drawing.draw(layers)) for title, layers in drawings],
    )


def _most_important(search: Search, found: importance.Importance | None) -> list[Dimension]:
    """The hyperparameters that are drawn: the most important, or the first where nobody can tell."""
    places = {name: place for place, name in enumerate(found.falls if found else ())}
    return sorted(search.varied, key=lambda one: places.get(one.name, 0))[:MOST_DRAWN]


def _bars(search: Search, winner: Trial, found: importance.Importance | None) -> list[Bar]:
    if found is None:
        return []
    dimensions = {one.name: one for one in search.dimensions}
    longest = max(found.falls.values()) or 1.0
    return [
        Bar(dimensions[name], fall, fall / longest, winner.text(name))
        for name, fall in list(found.falls.items())[:MOST_BARS]
        if fall >= LEAST
    ]


def _spent(search: Search) -> list[Spent]:
    """How the seconds were spent, by what came of it."""
    whole = [trial for trial in search.trials if trial.status == COMPLETED and not trial.reason]
    early = [trial for trial in search.trials if trial.status == COMPLETED and trial.reason]
    groups = [
        ("trained as planned", "●", whole),
        ("stopped early", "○", early),
        ("infeasible", "◇", [trial for trial in search.trials if trial.status == INFEASIBLE]),
        ("failed", "×", [trial for trial in search.trials if trial.status == FAILED]),
    ]
    total = sum(trial.seconds for trial in search.trials) or 1.0
    found = []
    for name, mark, group in groups:
        epochs, seconds = sum(trial.epochs for trial in group), sum(trial.seconds for trial in group)
        found.append(Spent(name, mark, len(group), epochs, seconds, seconds / total))
    return [one for one in found if one.trials]


def _reasons(search: Search) -> list[tuple[str, str, str]]:
    """Why trials ended early or not well: the status, the reason, and which they were; the commonest first."""

    def told(trial: Trial) -> tuple[str, str]:
        return ("stopped early" if trial.status == COMPLETED else trial.status, str(trial.reason))

    given = sorted((trial for trial in search.trials if trial.reason), key=told)
    groups = sorted(([*group] for _, group in groupby(given, told)), key=len, reverse=True)
    return [(*told(group[0]), _numbers(group)) for group in groups[:MOST_REASONS]]


def _numbers(group: Sequence[Trial]) -> str:
    more = f" and {len(group) - MOST_NAMED} more" if len(group) > MOST_NAMED else ""
    return ", ".join(str(trial.id) for trial in group[:MOST_NAMED]) + more
