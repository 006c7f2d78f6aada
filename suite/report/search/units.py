"""Units of objectives, and how their values are written."""

from typing import NamedTuple


class Unit(NamedTuple):
    """`factor` is the size of one unit in what cards hold; `decimals` are those worth writing."""

    name: str
    factor: float
    decimals: int


METRIC = Unit("", 1.0, 4)
# Smaller units first. Cards hold milliseconds, bytes and operations.
COSTS = {
    "latency": (Unit("µs", 1e-3, 1), Unit("ms", 1.0, 3)),
    "size": (Unit("bytes", 1.0, 0), Unit("kB", 1e3, 1), Unit("MB", 1e6, 2)),
    "flops": (Unit("", 1.0, 0), Unit("thousand", 1e3, 1), Unit("million", 1e6, 2), Unit("billion", 1e9, 2)),
}


def unit_for(objective: str, largest: float) -> Unit:
    """The unit in which values up to `largest` are easy to read."""
    units = COSTS.get(objective, (METRIC,))
    return next((unit for unit in reversed(units) if largest >= unit.factor), units[0])


def format_quantity(objective: str, value: float) -> str:
    """A value with its unit."""
    unit = unit_for(objective, value)
    return f"{value / unit.factor:,.{unit.decimals}f} {unit.name}".rstrip()
