"""Charts as inline SVG, coloured by the page's style sheet: for light, dark and print."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import ceil, floor, log10
from typing import Literal

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 260
MIN_LEFT, RIGHT, TOP, BOTTOM = 52, 14, 22, 40
# Beside the labels of the y axis: its name, and room around them.
BESIDE_TICKS = 26
TICKS = 5
SERIES_COLOURS = 6
MIN_DISTANCE = 0.4
LETTER_WIDTH = 6.2
GUIDE = -1
Points = Iterable[tuple[float, float]]
Shape = Literal["dot", "small", "ring", "cross", "diamond"]
# Where bars on a logarithmic axis begin: a bar of one is to be seen.
LOG_FOOT = 0.5
# SVG paths around the middle of a dot, for shapes that are no circles.
PATHS = {"cross": "m-4 -4l8 8m0 -8l-8 8", "diamond": "m0 -5l5 5l-5 5l-5 -5z"}


@dataclass
class Chart:
    """A chart with two axes; `figure` renders it as HTML, with a legend for several series.

    The ranges `x` and `y` default to those of the data. `whole` is for an x axis of whole numbers. `log` is for a y
    axis of powers of ten; values below LOG_FOOT are drawn at its foot. `x_ticks` are labels at positions of the x axis,
    in place of numbers. With `legend`, there is one for a single series too, and it names guides.
    """

    title: str
    x_label: str
    y_label: str
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    log: bool = False
    whole: bool = False
    x_ticks: Sequence[tuple[float, str]] | None = None
    width: int = WIDTH
    legend: bool = False
    _lines: list[tuple[str, np.ndarray, int]] = field(default_factory=list)
    _bars: list[tuple[float, float, float, str]] = field(default_factory=list)
    _errors: list[tuple[float, float, float]] = field(default_factory=list)
    _dots: list[tuple[float, float, int, str, Shape]] = field(default_factory=list)
    _marks: list[tuple[float, str]] = field(default_factory=list)

    def line(self, name: str, points: Points, *, guide: bool = False, series: int | None = None) -> int:
        """Add a line and return the number of its series, which its colour follows: by default the next one.

        A guide is thin and grey, and no series.
        """
        taken = sum(number != GUIDE for _, _, number in self._lines)
        number = GUIDE if guide else taken if series is None else series
        self._lines.append((name, np.array(list(points), np.float64).reshape(-1, 2), number))
        return number

    def bar(self, left: float, right: float, height: float, text: str) -> None:
        """Add a bar that stands on the x axis."""
        self._bars.append((left, right, height, text))

    def error(self, x: float, low: float, high: float) -> None:
        """Add an error bar."""
        self._errors.append((x, low, high))

    def dot(self, x: float, y: float, text: str, series: int = 0, shape: Shape = "dot") -> None:
        """Add a point, such as the operating point; a y of -inf is on the x axis."""
        self._dots.append((x, y, series, text, shape))

    def mark(self, x: float, text: str) -> None:
        """Add a labelled vertical line, such as the chosen threshold."""
        self._marks.append((x, text))

    def figure(self) -> Markup:
        """The chart as a `figure` element."""
        named = [(name, number) for name, _, number in self._lines if self.legend or number != GUIDE]
        keys = "".join(f'<span class="key key-{_style(number)}">{escape(name)}</span>' for name, number in named)
        legend = f'<div class="legend">{keys}</div>' if len(named) > 1 or self.legend else ""
        return Markup(
            f'<figure class="chart"><figcaption>{escape(self.title)}</figcaption>{legend}{self._svg()}</figure>'
        )

    def _svg(self) -> str:
        axes = Axes.around(self)
        label = f"{self.title}: {self.y_label}" + (f" by {self.x_label}" if self.x_label else "")
        parts = [f'<svg viewBox="0 0 {self.width} {HEIGHT}" role="img" aria-label="{escape(label)}">', axes.frame(self)]
        for left, right, height, text in self._bars:
            (x, top), (end, foot) = axes.place(left, height), axes.place(right, -np.inf)
            parts.append(
                f'<rect class="bar" x="{x + 0.5:.1f}" y="{top:.1f}" width="{max(0.5, end - x - 1):.1f}" '
                f'height="{max(0.0, foot - top):.1f}"><title>{escape(text)}</title></rect>'
            )
        for at, low, high in self._errors:
            (x, foot), (_, top) = axes.place(at, low), axes.place(at, high)
            parts.append(f'<path class="error" d="M{x - 3:.1f} {top:.1f}h6M{x:.1f} {top:.1f}V{foot:.1f}m-3 0h6"/>')
        for name, points, number in self._lines:
            style = "guide" if number == GUIDE else f"series-{_style(number)}"
            parts.append(
                f'<polyline class="{style}" points="{axes.path(points)}"><title>{escape(name)}</title></polyline>'
            )
        parts += [axes.vertical_line(at, text) for at, text in self._marks]
        for at, height, series, text, shape in self._dots:
            parts.append(_dot_svg(*axes.place(at, height), shape, f"{shape} {shape}-{_style(series)}", text))
        return "".join([*parts, "</svg>"])

    def values(self, axis: int) -> list[float]:
        """Every finite value along an axis (0 for x, 1 for y)."""
        values = [value for _, points, _ in self._lines for value in points[:, axis]]
        values += [dot[axis] for dot in self._dots]
        if axis == 0:
            values += [edge for bar in self._bars for edge in bar[:2]] + [mark[0] for mark in self._marks]
        else:
            values += [bar[2] for bar in self._bars] + [bound for error in self._errors for bound in error[1:]]
        return [float(value) for value in values if np.isfinite(value)]


@dataclass(frozen=True)
class Axes:
    """The ranges of both axes, and the positions of values in the SVG."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_step: float
    y_step: float
    width: int
    log: bool = False

    @cached_property
    def y_ticks(self) -> list[tuple[float, str]]:
        """Values along the y axis, each with its label."""
        found = ticks(*self.y, self.y_step)
        return [(10**value, f"{10 ** round(value):,}") for value, _ in found] if self.log else found

    @cached_property
    def left(self) -> float:
        """Where the x axis begins."""
        return max(MIN_LEFT, BESIDE_TICKS + LETTER_WIDTH * max((len(text) for _, text in self.y_ticks), default=0))

    @classmethod
    def around(cls, chart: Chart) -> "Axes":
        """Axes with room for everything in the chart."""
        x = chart.x or _range(chart.values(0))
        x_step = max(tick_step(*x), 1.0 if chart.whole else 0.0)
        if chart.log:
            powers = max(1, ceil(log10(max([1.0, *chart.values(1)]))))
            return cls(x, (log10(LOG_FOOT), powers), x_step, ceil(powers / TICKS), chart.width, True)
        low, high = chart.y or _range(chart.values(1))
        step = tick_step(low, high)
        if chart.y is None:
            low, high = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
        return cls(x, (low, high), x_step, step, chart.width)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The position of a value; beyond the axes it is at their end."""
        y = log10(max(y, LOG_FOOT)) if self.log else y
        across, up = ((value - low) / (high - low) for value, (low, high) in ((x, self.x), (y, self.y)))
        return (
            self.left + min(1.0, max(0.0, across)) * (self.width - self.left - RIGHT),
            HEIGHT - BOTTOM - min(1.0, max(0.0, up)) * (HEIGHT - TOP - BOTTOM),
        )

    def path(self, points: np.ndarray) -> str:
        """The points of a line, without those that cannot be distinguished from the one before."""
        kept: list[tuple[float, float]] = []
        placed = [self.place(x, y) for x, y in points if np.isfinite(x) and np.isfinite(y)]
        for index, (x, y) in enumerate(placed):
            if not kept or index == len(placed) - 1 or abs(x - kept[-1][0]) + abs(y - kept[-1][1]) > MIN_DISTANCE:
                kept.append((x, y))
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in kept)

    def frame(self, chart: Chart) -> str:
        """Grid, ticks and axis labels."""
        parts = []
        for value, text in self.y_ticks:
            _, down = self.place(self.x[0], value)
            parts.append(
                f'<line class="grid" x1="{self.left:.1f}" x2="{self.width - RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>'
            )
            parts.append(
                f'<text class="tick" x="{self.left - 6:.1f}" y="{down:.1f}" dy="4" text-anchor="end">{text}</text>'
            )
        foot = HEIGHT - BOTTOM
        for value, text, line in self._x_labels(chart):
            across, _ = self.place(value, self.y[0])
            parts.append(f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{foot}" y2="{foot + 4}"/>')
            parts.append(
                f'<text class="tick" x="{across:.1f}" y="{foot + 17 + 13 * line}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )
        middle = self.left + (self.width - self.left - RIGHT) / 2, TOP + (HEIGHT - TOP - BOTTOM) / 2
        parts.append(
            f'<text class="label" x="{middle[0]}" y="{HEIGHT - 6}" text-anchor="middle">{escape(chart.x_label)}</text>'
            f'<text class="label" transform="translate(11 {middle[1]}) rotate(-90)" text-anchor="middle">'
            f"{escape(chart.y_label)}</text>"
        )
        return "".join(parts)

    def _x_labels(self, chart: Chart) -> list[tuple[float, str, int]]:
        """Labels along the x axis and their line: labels too long for one line alternate between two."""
        if chart.x_ticks is None:
            return [(value, text, 0) for value, text in ticks(*self.x, self.x_step)]
        across = [self.place(value, self.y[0])[0] for value, _ in chart.x_ticks]
        room = min((abs(after - before) for before, after in pairwise(across)), default=self.width - self.left - RIGHT)
        lines = 2 if max(len(text) for _, text in chart.x_ticks) * LETTER_WIDTH > room else 1
        letters = max(4, int(lines * room / LETTER_WIDTH))
        return [(value, truncate(text, letters), index % lines) for index, (value, text) in enumerate(chart.x_ticks)]

    def vertical_line(self, at: float, text: str) -> str:
        """A vertical line, with its label above it on the side that has room."""
        x, _ = self.place(at, self.y[0])
        side, anchor = (5, "start") if x < (self.left + self.width) / 2 else (-5, "end")
        return (
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 16}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="mark" x="{x + side:.1f}" y="{TOP - 7}" text-anchor="{anchor}">{escape(text)}</text>'
        )


def _style(series: int) -> str:
    """The end of a style's name: of many series, some share a colour."""
    return "guide" if series == GUIDE else str(series % SERIES_COLOURS)


def _dot_svg(x: float, y: float, shape: Shape, style: str, text: str) -> str:
    title = f"<title>{escape(text)}</title>"
    if shape in PATHS:
        return f'<path class="{style}" d="M{x:.1f} {y:.1f}{PATHS[shape]}">{title}</path>'
    radius = 4.5 if shape == "dot" else 3.2
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{title}</circle>'


def truncate(text: str, letters: int) -> str:
    """The text, shortened to at most this many letters."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.05 * abs(low) or 0.5
    return (low, high) if high > low else (low - margin, high + margin)


def tick_step(low: float, high: float) -> float:
    """One, two or five times a power of ten such that about five steps cover the range."""
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def ticks(low: float, high: float, step: float) -> list[tuple[float, str]]:
    """The multiples of `step` within a range, each with its label."""
    first = ceil(low / step - 1e-9)
    values = [(first + index) * step for index in range(int((high - first * step) / step + 1e-9) + 1)]
    return [(value, _format_tick(value, step)) for value in values]


def _format_tick(value: float, step: float) -> str:
    if abs(value) < step / 2:
        return "0"
    return f"{value:.1e}" if step < 1e-4 else f"{value:,.{max(0, -floor(log10(step)))}f}"
