"""A search space as the commands print it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.search_record import Condition
    from tuning.space import Dimension

SIZE_NOTE = "a hyperparameter that needs some values of another is counted with those only"


def lines(dimensions: "list[Dimension]", chosen: Mapping[str, Any] | None = None) -> list[str]:
    """A line for each hyperparameter: name, default, the `chosen` value if it differs, range, and conditions."""
    chosen = chosen or {}
    rows = []
    for dimension in dimensions:
        value, default = _format(chosen.get(dimension.name, dimension.default)), _format(dimension.default)
        values = "(a search does not change it)" if dimension.values == 1 else dimension.range
        where = f"  where {' and '.join(map(_describe, dimension.when))}" if dimension.when else ""
        rows.append((dimension.name, default if value == default else f"{default}, here {value}", values + where))
    table = [("hyperparameter", "default", "range"), *rows] if rows else []
    widths = [max(len(row[column]) for row in table) for column in range(2)] if rows else []
    return [f"{name:{widths[0]}}  {default:{widths[1]}}  {values}" for name, default, values in table]


def to_json(dimensions: "list[Dimension]") -> list[dict[str, Any]]:
    """The same for a script; `values` is the number of values, null for a continuous range."""
    from dataclasses import asdict

    return [{key: value for key, value in asdict(dimension).items() if key != "item"} for dimension in dimensions]


def _describe(condition: "Condition") -> str:
    values = condition.values
    if len(values) > 2 and all(type(value) is int for value in values):
        return f"{condition.parent} is {values[0]} to {values[-1]}"
    *others, last = map(_format, values)
    return f"{condition.parent} is {', '.join(others) + ' or ' if others else ''}{last}"


def _format(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
