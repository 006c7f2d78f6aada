"""Parallel coordinates: every trial as a line across its hyperparameters to its score (Inselberg 1985)."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from suite.report.plots import truncate
from suite.report.search import scales
from suite.report.search.ranking import RankedSearch
from suite.report.search.scales import Scale
from suite.search_record import DimensionRecord, Trial

WIDTH, HEIGHT = 920.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 52.0, 48.0, 44.0
# How far below an axis a trial passes that lacks the hyperparameter.
ABSENT_OFFSET = 26.0
JITTER = 12.0
# The most letters of a name above its axis, and the width of a letter there.
MAX_LETTERS, LETTER_WIDTH = 18, 7.0
MIN_OPACITY, MAX_OPACITY = 0.12, 0.85


@dataclass(frozen=True)
class Axis:
    """A hyperparameter's vertical line; the score's axis has no dimension."""

    name: str
    x: float
    scale: Scale
    dimension: DimensionRecord | None

    def height(self, trial: Trial) -> float:
        """Where a trial crosses the axis."""
        if self.dimension is None:
            return _height(self.scale.position(trial.score))
        shift = JITTER * scales.jitter(trial.id)
        if self.name not in trial.hyperparameters:
            return HEIGHT - BOTTOM + ABSENT_OFFSET + shift
        height = _height(self.scale.position(trial.hyperparameters[self.name]))
        return height if self.scale.positions is None else height + shift


def draw(search: RankedSearch, dimensions: Sequence[DimensionRecord]) -> Markup:
    """The trials with a score across these hyperparameters; better trials are stronger, the winner has its colour."""
    axes = _axes(search, dimensions)
    label = f"Parallel coordinates of {len(search.ranked)} trials"
    parts = [f'<svg class="parallel" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{label}">']
    # The best comes last, so that it lies above the others.
    order = sorted(enumerate(search.ranked), key=lambda ranked: (ranked[1].id == search.best, -ranked[0]))
    for rank, trial in order:
        opacity = MAX_OPACITY - (MAX_OPACITY - MIN_OPACITY) * rank / max(1, len(order) - 1)
        points = " ".join(f"{axis.x:.1f},{axis.height(trial):.1f}" for axis in axes)
        style = 'class="winner"' if trial.id == search.best else f'class="series-0" opacity="{opacity:.2f}"'
        title = escape(_title(search, trial, dimensions))
        parts.append(f'<polyline {style} points="{points}"><title>{title}</title></polyline>')
    letters = min(MAX_LETTERS, int((axes[1].x - axes[0].x) / LETTER_WIDTH))
    parts += [_draw_axis(axis, search, letters) for axis in axes]
    return Markup("".join([*parts, "</svg>"]))


def _axes(search: RankedSearch, dimensions: Sequence[DimensionRecord]) -> list[Axis]:
    step = (WIDTH - LEFT - RIGHT) / len(dimensions)
    axes = []
    for index, one in enumerate(dimensions):
        observed = [trial.hyperparameters[one.name] for trial in search.ranked if one.name in trial.hyperparameters]
        axes.append(Axis(one.name, LEFT + index * step, scales.scale_for(one, observed), one))
    score_scale = scales.continuous_scale(*search.score_axis, False)
    return [*axes, Axis(search.objective.name, WIDTH - RIGHT, score_scale, None)]


def _height(position: float) -> float:
    return HEIGHT - BOTTOM - position * (HEIGHT - TOP - BOTTOM)


def _title(search: RankedSearch, trial: Trial, dimensions: Sequence[DimensionRecord]) -> str:
    names = [one.name for one in dimensions if one.name in trial.hyperparameters]
    values = ", ".join(f"{name} {trial.value_text(name)}" for name in names)
    return f"trial {trial.id}: {search.objective.name} {trial.score:.4f}; {values}"


def _draw_axis(axis: Axis, search: RankedSearch, letters: int) -> str:
    """The line, the name with its scope above it, and the labels of values."""
    scope, _, name = axis.name.rpartition(".")
    x, foot = axis.x, HEIGHT - BOTTOM
    parts = [
        f'<g><title>{escape(axis.name)}</title><line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{foot}"/>',
        f'<text x="{x:.1f}" y="14" text-anchor="middle">{escape(truncate(scope, letters))}</text>',
        f'<text class="name" x="{x:.1f}" y="29" text-anchor="middle">{escape(truncate(name, letters))}</text></g>',
    ]
    labels = [(_height(position), text) for position, text in axis.scale.ticks]
    if axis.dimension is not None and any(axis.name not in trial.hyperparameters for trial in search.ranked):
        labels.append((foot + ABSENT_OFFSET, "none"))
    parts += [
        f'<line class="axis" x1="{x - 3:.1f}" x2="{x + 3:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="value" x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(truncate(text, letters))}</text>'
        for y, text in labels
    ]
    return "".join(parts)
