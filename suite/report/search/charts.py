"""The charts of a search: its history, the score by hyperparameter, and trade-offs between objectives."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from suite.report.plots import Chart, Shape
from suite.report.search import pareto, scales, units
from suite.report.search.ranking import RankedSearch
from suite.search_record import COMPLETED, FAILED, DimensionRecord, Trial

MIN_TRIALS_FOR_MEDIAN = 3
# Half the width of a value's column of points, as a share of the distance between columns.
COLUMN_REACH = 0.45
# Costs that differ by more than this factor are drawn on a logarithmic axis.
LOGARITHMIC_FROM = 30.0
# Where trials are drawn that lack the hyperparameter.
ABSENT = -0.12
WINNER_SERIES = 1
HISTORY_WIDTH = 760


def objective_label(search: RankedSearch) -> str:
    """The first objective's name, with a hint if lower is better."""
    return search.objective.name + (" (lower is better)" if search.objective.sign < 0 else "")


def history(search: RankedSearch) -> Markup:
    """Every trial's score in order, and the best score so far."""
    chart = Chart(
        "Score of every trial", "trial", objective_label(search), whole=True, y=search.score_axis, width=HISTORY_WIDTH
    )
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
        _add_score(chart, search, trial, trial.id)
    chart.mark(search.best, f"winner, trial {search.best}")
    return chart.figure()


def _best_so_far(search: RankedSearch, scored: Sequence[Trial], last: int) -> list[tuple[float, float]]:
    """A step line from the first score to the last trial."""
    sign = search.objective.sign
    points: list[tuple[float, float]] = []
    for trial in scored:
        score = trial.score or 0.0
        if not points or sign * score > sign * points[-1][1]:
            points += [(trial.id, points[-1][1] if points else score), (trial.id, score)]
    return [*points, (last + 0.5, points[-1][1])]


def _add_score(chart: Chart, search: RankedSearch, trial: Trial, x: float) -> None:
    """Draw a trial's score: a ring if the trial was stopped early, a large dot for the winner."""
    text = f"trial {trial.id}: {trial.score:.4f} after {trial.epochs} epochs"
    if trial.id == search.best:
        chart.dot(x, trial.score or 0.0, text, WINNER_SERIES)
    else:
        chart.dot(x, trial.score or 0.0, text, shape="ring" if trial.reason else "small")


def slices(search: RankedSearch, dimensions: Sequence[DimensionRecord]) -> list[Markup]:
    """A chart for each hyperparameter: the score by its value."""
    return [_slice(search, dimension) for dimension in dimensions]


def _slice(search: RankedSearch, dimension: DimensionRecord) -> Markup:
    name = dimension.name
    present = [trial for trial in search.ranked if name in trial.hyperparameters]
    scale = scales.scale_for(dimension, [trial.hyperparameters[name] for trial in present])
    ticks, low = list(scale.ticks), 0.0
    if len(present) < len(search.ranked):
        ticks, low = [(ABSENT, "none"), *ticks], 2 * ABSENT
    chart = Chart(name, "", objective_label(search), (low, 1.0), search.score_axis, x_ticks=ticks)
    positions = dict.fromkeys((trial.id for trial in search.ranked), ABSENT)
    positions |= {trial.id: scale.position(trial.hyperparameters[name]) for trial in present}
    columns = set(positions.values()) if scale.positions is not None else {ABSENT}
    reach = COLUMN_REACH * min(-ABSENT, 1 / len(scale.positions or (0,)))
    _add_medians(chart, search, {number: at for number, at in positions.items() if at in columns}, reach)
    # The best comes last, so that it lies above the others.
    for trial in reversed(search.ranked):
        at = positions[trial.id]
        _add_score(chart, search, trial, at + reach * scales.jitter(trial.id) if at in columns else at)
    return chart.figure()


def _add_medians(chart: Chart, search: RankedSearch, positions: dict[int, float], reach: float) -> None:
    """Draw the median score of each column that has several trials."""
    for at in sorted(set(positions.values())):
        scores = [trial.score for trial in search.ranked if positions.get(trial.id) == at and trial.score is not None]
        if len(scores) >= MIN_TRIALS_FOR_MEDIAN:
            median = float(np.median(scores))
            chart.line(f"median {median:.4f}", [(at - reach, median), (at + reach, median)], guide=True)


def front(search: RankedSearch, names: Sequence[str] | None = None) -> list[Trial]:
    """The trials on the Pareto front of the objectives of these names (None: of all), best first."""
    objectives = [one for one in search.objectives if names is None or one.name in names]
    measured = [trial for trial in search.ranked if all(one.name in trial.scores for one in objectives)]
    points = np.array([[trial.scores[one.name] for one in objectives] for trial in measured], np.float64)
    chosen = pareto.front(points.reshape(-1, len(objectives)), [one.direction for one in objectives])
    return [measured[index] for index in chosen]


def trade_offs(search: RankedSearch) -> list[Markup]:
    """A chart for each objective after the first: the first objective by this one."""
    return [
        _trade_off(search, objective.name)
        for objective in search.objectives[1:]
        if any(objective.name in trial.scores for trial in search.ranked)
    ]


def _trade_off(search: RankedSearch, other: str) -> Markup:
    first = search.objective.name
    measured = [trial for trial in search.ranked if other in trial.scores]
    values = [trial.scores[other] for trial in measured]
    unit = units.unit_for(other, max(values))
    low, high = min(values) / unit.factor, max(values) / unit.factor
    scale = scales.continuous_scale(low, high, low > 0 and high / low > LOGARITHMIC_FROM)
    label = f"{other}, {unit.name}" if unit.name else other
    chart = Chart(
        f"{first} and {other}", label, objective_label(search), (-0.04, 1.04), search.score_axis, x_ticks=scale.ticks
    )
    if scale.positions is None:
        positions = {trial.id: scale.position(trial.scores[other] / unit.factor) for trial in measured}
    else:
        positions = dict.fromkeys((trial.id for trial in measured), 0.5)
    best = front(search, (first, other))
    directions = {one.name: one.direction for one in search.objectives}
    ends = sorted(((positions[trial.id], trial.scores[first]) for trial in best), reverse=directions[other] == "max")
    chart.line("front", _steps(ends))
    for trial in reversed(measured):
        cost = units.format_quantity(other, trial.scores[other])
        text = f"trial {trial.id}: {first} {trial.scores[first]:.4f}, {other} {cost}"
        winner = trial.id == search.best
        shape: Shape = "dot" if winner or trial in best else "ring"
        chart.dot(positions[trial.id], trial.scores[first], text, WINNER_SERIES if winner else 0, shape)
    return chart.figure()


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A step line through points, the cheapest first: between two points the score stays at the cheaper one's."""
    steps = [points[0]]
    for x, y in points[1:]:
        steps += [(x, steps[-1][1]), (x, y)]
    return steps
