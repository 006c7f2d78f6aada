"""Parallel coordinates: every trial as a line across its hyperparameters to its score (Inselberg 1985)."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from suite.report import scales
from suite.report.plots import cut
from suite.report.scales import Scale
from suite.report.trials import Dimension, Search, Trial

WIDTH, HEIGHT = 920.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 52.0, 48.0, 44.0
# How far below an axis the trials pass that have no such hyperparameter.
NONE = 26.0
SPREAD = 12.0
# Of a name above its axis, and how wide one is there.
LETTERS, LETTER = 18, 7.0
FAINTEST, STRONGEST = 0.12, 0.85


@dataclass(frozen=True)
class Axis:
    """A hyperparameter's upright line; the score's has no dimension."""

    name: str
    x: float
    scale: Scale
    dimension: Dimension | None

    def height(self, search: Search, trial: Trial) -> float:
        """Where a trial crosses the axis."""
        if self.dimension is None:
            return _height(self.scale.place(trial.score))
        apart = SPREAD * scales.spread(trial.id)
        if self.name not in trial.values:
            return HEIGHT - BOTTOM + NONE + apart
        place = _height(self.scale.place(trial.values[self.name]))
        return place if self.scale.places is None else place + apart


def draw(search: Search, dimensions: Sequence[Dimension]) -> Markup:
    """The trials with a score across these hyperparameters; the better the stronger, and the winner in its colour."""
    axes = _axes(search, dimensions)
    label = f"Parallel coordinates of {len(search.ranked)} trials"
    parts = [f'<svg class="parallel" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{label}">']
    # The best last, above the others.
    order = sorted(enumerate(search.ranked), key=lambda ranked: (ranked[1].id == search.best, -ranked[0]))
    for place, trial in order:
        strength = STRONGEST - (STRONGEST - FAINTEST) * place / max(1, len(order) - 1)
        points = " ".join(f"{axis.x:.1f},{axis.height(search, trial):.1f}" for axis in axes)
        style = 'class="winner"' if trial.id == search.best else f'class="series-0" opacity="{strength:.2f}"'
        parts.append(
            f'<polyline {style} points="{points}"><title>{escape(_told(search, trial, dimensions))}</title></polyline>'
        )
    letters = min(LETTERS, int((axes[1].x - axes[0].x) / LETTER))
    parts += [_drawn(axis, search, letters) for axis in axes]
    return Markup("".join([*parts, "</svg>"]))


def _axes(search: Search, dimensions: Sequence[Dimension]) -> list[Axis]:
    step = (WIDTH - LEFT - RIGHT) / len(dimensions)
    axes = []
    for index, one in enumerate(dimensions):
        seen = [trial.values[one.name] for trial in search.ranked if one.name in trial.values]
        axes.append(Axis(one.name, LEFT + index * step, scales.of(one, seen), one))
    return [*axes, Axis(search.objective.name, WIDTH - RIGHT, scales.continuum(*search.axis, False), None)]


def _height(place: float) -> float:
    return HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)


def _told(search: Search, trial: Trial, dimensions: Sequence[Dimension]) -> str:
    values = ", ".join(f"{one.name} {trial.text(one.name)}" for one in dimensions if one.name in trial.values)
    return f"trial {trial.id}: {search.objective.name} {trial.score:.4f}; {values}"


def _drawn(axis: Axis, search: Search, letters: int) -> str:
    """The line, its name with the scope above, and the names of its values."""
    scope, _, name = axis.name.rpartition(".")
    x, foot = axis.x, HEIGHT - BOTTOM
    parts = [
        f'<g><title>{escape(axis.name)}</title><line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{foot}"/>',
        f'<text x="{x:.1f}" y="14" text-anchor="middle">{escape(cut(scope, letters))}</text>',
        f'<text class="name" x="{x:.1f}" y="29" text-anchor="middle">{escape(cut(name, letters))}</text></g>',
    ]
    words = [(_height(place), text) for place, text in axis.scale.ticks]
    if axis.dimension is not None and any(axis.name not in trial.values for trial in search.ranked):
        words.append((foot + NONE, "none"))
    parts += [
        f'<line class="axis" x1="{x - 3:.1f}" x2="{x + 3:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="value" x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(cut(text, letters))}</text>'
        for y, text in words
    ]
    return "".join(parts)
