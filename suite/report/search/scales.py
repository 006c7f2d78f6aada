"""Axes for hyperparameters: where each value lies, and the labels along the axis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from suite.notation import format_value
from suite.report import plots
from suite.search_record import DimensionRecord

MAX_LABELS = 7
GOLDEN_RATIO = 0.618034


@dataclass(frozen=True)
class Scale:
    """Positions from 0 to 1: of listed values by their text (`positions`), or of numbers from `low` to `high`."""

    ticks: tuple[tuple[float, str], ...]
    positions: Mapping[str, float] | None = None
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False

    def position(self, value: Any) -> float:
        """Where a value lies."""
        if self.positions is not None:
            return self.positions[format_value(value)]
        low, high, at = (log10(x) if self.logarithmic else x for x in (self.low, self.high, value))
        return min(1.0, max(0.0, (at - low) / (high - low)))


def scale_for(dimension: DimensionRecord, observed: Sequence[Any]) -> Scale:
    """The scale of a hyperparameter; it has room for the `observed` values too."""
    low, high = dimension.low, dimension.high
    if dimension.values is None and are_numbers(observed) and low is not None and high is not None:
        return continuous_scale(min([low, *observed]), max([high, *observed]), dimension.logarithmic)
    values = [*(dimension.values or ()), *observed]
    return listed_scale(sorted(values) if are_numbers(values) else values)


def listed_scale(values: Sequence[Any]) -> Scale:
    """Values at equal distances; of many values only some have a label."""
    texts = list(dict.fromkeys(map(format_value, values)))
    positions = {text: (index + 0.5) / len(texts) for index, text in enumerate(texts)}
    step = ceil(len(texts) / MAX_LABELS)
    return Scale(tuple((positions[text], text) for text in texts[::step]), positions)


def continuous_scale(low: float, high: float, logarithmic: bool) -> Scale:
    """Numbers in a range."""
    if high <= low:
        return listed_scale([low])
    logarithmic = logarithmic and low > 0
    unlabelled = Scale((), None, low, high, logarithmic)
    labels = _powers(low, high) if logarithmic else plots.ticks(low, high, plots.tick_step(low, high))
    ticks = tuple((unlabelled.position(value), text) for value, text in labels)
    return Scale(ticks, None, low, high, logarithmic)


def _powers(low: float, high: float) -> list[tuple[float, str]]:
    """The powers of ten in a range; in a short range also twice and five times each."""
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    factors = (1,) if high / low >= 1000 else (1, 2, 5)
    values = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    inside = [value for value in values if low <= value <= high] or [low, high]
    return [(value, f"{value:g}") for value in inside[:: ceil(len(inside) / MAX_LABELS)]]


def jitter(index: int) -> float:
    """A shift from -0.5 to 0.5 that keeps points of equal value apart; even over any run of indices."""
    return (index * GOLDEN_RATIO) % 1 - 0.5


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all values are numbers; booleans are not."""
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
