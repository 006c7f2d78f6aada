"""The charts of a search: its history, slices through its space, and what objectives cost each other."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from suite.report import pareto, scales, units
from suite.report.plots import Chart, Shape
from suite.report.trials import COMPLETED, FAILED, Dimension, Search, Trial

MIDDLE_OF = 3
REACH = 0.45
# Costs of networks that differ by more than this factor are drawn by their powers of ten.
WIDE = 30.0
NOWHERE = -0.12
WINNER = 1
WIDE_CHART = 760


def named(search: Search) -> str:
    """The first objective's name, with what is better where that is not more."""
    return search.objective.name + (" (lower is better)" if search.objective.sign < 0 else "")


def history(search: Search) -> Markup:
    """Every trial's score in order, and the best so far."""
    chart = Chart("Score of every trial", "trial", named(search), whole=True, y=search.axis, width=WIDE_CHART)
    numbers = [trial.id for trial in search.trials]
    chart.x = (min(numbers) - 0.5, max(numbers) + 0.5)
    scored = sorted(search.ranked, key=lambda trial: trial.id)
    chart.line("best so far", _best_so_far(search, scored, max(numbers)))
    for trial in search.trials:
        if trial.status != COMPLETED:
            shape: Shape = "cross" if trial.status == FAILED else "diamond"
            chart.dot(trial.id, -np.inf, f"trial {trial.id}: {trial.status}", shape=shape)
    for trial in scored:
        if trial.deviation and trial.score is not None:
            chart.error(trial.id, trial.score - trial.deviation, trial.score + trial.deviation)
        _mark(chart, search, trial, trial.id)
    chart.mark(search.best, f"winner, trial {search.best}")
    return chart.figure()


def _best_so_far(search: Search, scored: Sequence[Trial], last: int) -> list[tuple[float, float]]:
    """A step line from the first score to the last trial."""
    sign = search.objective.sign
    points: list[tuple[float, float]] = []
    for trial in scored:
        score = trial.score or 0.0
        if not points or sign * score > sign * points[-1][1]:
            points += [(trial.id, points[-1][1] if points else score), (trial.id, score)]
    return [*points, (last + 0.5, points[-1][1])]


def _mark(chart: Chart, search: Search, trial: Trial, x: float) -> None:
    """A trial's score: hollow where it was stopped early, and the winner's larger."""
    text = f"trial {trial.id}: {trial.score:.4f} after {trial.epochs} epochs"
    if trial.id == search.best:
        chart.dot(x, trial.score or 0.0, text, WINNER)
    else:
        chart.dot(x, trial.score or 0.0, text, shape="ring" if trial.reason else "small")


def slices(search: Search, dimensions: Sequence[Dimension]) -> list[Markup]:
    """The score by each hyperparameter."""
    return [_slice(search, dimension) for dimension in dimensions]


def _slice(search: Search, dimension: Dimension) -> Markup:
    there = [trial for trial in search.ranked if dimension.name in trial.values]
    scale = scales.of(dimension, [trial.values[dimension.name] for trial in there])
    ticks, low = list(scale.ticks), 0.0
    if len(there) < len(search.ranked):
        ticks, low = [(NOWHERE, "none"), *ticks], 2 * NOWHERE
    chart = Chart(dimension.name, "", named(search), (low, 1.0), search.axis, x_ticks=ticks)
    places = dict.fromkeys((trial.id for trial in search.ranked), NOWHERE)
    places |= {trial.id: scale.place(trial.values[dimension.name]) for trial in there}
    shared = set(places.values()) if scale.places is not None else {NOWHERE}
    reach = REACH * min(-NOWHERE, 1 / len(scale.places or (0,)))
    _middles(chart, search, {number: place for number, place in places.items() if place in shared}, reach)
    # The best last, above the others.
    for trial in reversed(search.ranked):
        at = places[trial.id]
        _mark(chart, search, trial, at + reach * scales.spread(trial.id) if at in shared else at)
    return chart.figure()


def _middles(chart: Chart, search: Search, places: dict[int, float], reach: float) -> None:
    """The median score at each place where there are several trials."""
    for place in sorted(set(places.values())):
        scores = [trial.score for trial in search.ranked if places.get(trial.id) == place and trial.score is not None]
        if len(scores) >= MIDDLE_OF:
            middle = float(np.median(scores))
            chart.line(f"median {middle:.4f}", [(place - reach, middle), (place + reach, middle)], guide=True)


def front(search: Search, names: Sequence[str] | None = None) -> list[Trial]:
    """The trials that none beats in all objectives of these names, or in any; the best by the first come first."""
    objectives = [one for one in search.objectives if names is None or one.name in names]
    measured = [trial for trial in search.ranked if all(one.name in trial.scores for one in objectives)]
    points = np.array([[trial.scores[one.name] for one in objectives] for trial in measured], np.float64)
    chosen = pareto.front(points.reshape(-1, len(objectives)), [one.direction for one in objectives])
    return [measured[index] for index in chosen]


def trades(search: Search) -> list[Markup]:
    """A chart an objective after the first: what it costs the first."""
    return [
        _trade(search, objective.name)
        for objective in search.objectives[1:]
        if any(objective.name in trial.scores for trial in search.ranked)
    ]


def _trade(search: Search, other: str) -> Markup:
    first = search.objective.name
    measured = [trial for trial in search.ranked if other in trial.scores]
    values = [trial.scores[other] for trial in measured]
    unit = units.fitting(other, max(values))
    low, high = min(values) / unit.factor, max(values) / unit.factor
    scale = scales.continuum(low, high, low > 0 and high / low > WIDE)
    label = f"{other}, {unit.name}" if unit.name else other
    chart = Chart(f"{first} and {other}", label, named(search), (-0.04, 1.04), search.axis, x_ticks=scale.ticks)
    if scale.places is None:
        places = {trial.id: scale.place(trial.scores[other] / unit.factor) for trial in measured}
    else:
        places = dict.fromkeys((trial.id for trial in measured), 0.5)
    best = front(search, (first, other))
    directions = {one.name: one.direction for one in search.objectives}
    ends = sorted(((places[trial.id], trial.scores[first]) for trial in best), reverse=directions[other] == "max")
    chart.line("front", _steps(ends))
    for trial in reversed(measured):
        text = (
            f"trial {trial.id}: {first} {trial.scores[first]:.4f}, {other} {units.written(other, trial.scores[other])}"
        )
        winner = trial.id == search.best
        shape: Shape = "dot" if winner or trial in best else "ring"
        chart.dot(places[trial.id], trial.scores[first], text, WINNER if winner else 0, shape)
    return chart.figure()


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A line through points, the cheapest first, that goes across before it goes up: nothing in between was reached."""
    steps = [points[0]]
    for x, y in points[1:]:
        steps += [(x, steps[-1][1]), (x, y)]
    return steps
