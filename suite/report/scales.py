"""Where the values of a hyperparameter are along an axis, and what is written there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from suite.report import plots
from suite.report.trials import Dimension, are_numbers, written

MOST_NAMED = 7
GOLDEN = 0.618034


@dataclass(frozen=True)
class Scale:
    """Places from 0 to 1: of each value by what is written for it, or of numbers from `low` to `high`."""

    ticks: tuple[tuple[float, str], ...]
    places: Mapping[str, float] | None = None
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False

    def place(self, value: Any) -> float:
        """Where a value is."""
        if self.places is not None:
            return self.places[written(value)]
        low, high, at = (log10(x) if self.logarithmic else x for x in (self.low, self.high, value))
        return min(1.0, max(0.0, (at - low) / (high - low)))


def of(dimension: Dimension, seen: Sequence[Any]) -> Scale:
    """The scale of a hyperparameter, on which `seen` has a place too."""
    if dimension.values is None and are_numbers(seen) and dimension.low is not None and dimension.high is not None:
        return continuum(min([dimension.low, *seen]), max([dimension.high, *seen]), dimension.logarithmic)
    values = [*(dimension.values or ()), *seen]
    return listed(sorted(values) if are_numbers(values) else values)


def listed(values: Sequence[Any]) -> Scale:
    """Values at equal distances, whatever they are; of very many some are named."""
    names = list(dict.fromkeys(map(written, values)))
    places = {name: (index + 0.5) / len(names) for index, name in enumerate(names)}
    every = ceil(len(names) / MOST_NAMED)
    return Scale(tuple((places[name], name) for name in names[::every]), places)


def continuum(low: float, high: float, logarithmic: bool) -> Scale:
    """Numbers in a range."""
    if high <= low:
        return listed([low])
    logarithmic = logarithmic and low > 0
    bare = Scale((), None, low, high, logarithmic)
    named = _powers(low, high) if logarithmic else plots.ticks(low, high, plots.tick_step(low, high))
    return Scale(tuple((bare.place(value), text) for value, text in named), None, low, high, logarithmic)


def _powers(low: float, high: float) -> list[tuple[float, str]]:
    """Powers of ten in a range; where there are few of them, their double and their five times too."""
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    factors = (1,) if high / low >= 1000 else (1, 2, 5)
    values = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    inside = [value for value in values if low <= value <= high] or [low, high]
    return [(value, f"{value:g}") for value in inside[:: ceil(len(inside) / MOST_NAMED)]]


def spread(index: int) -> float:
    """From -0.5 to 0.5, evenly over any run of indices: what keeps points of one value apart."""
    return (index * GOLDEN) % 1 - 0.5
