"""A search space as the commands print it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuning.space import Condition, Dimension

COUNTED = "what exists with some values of another only is counted with those"


def lines(found: "list[Dimension]", chosen: Mapping[str, Any] | None = None) -> list[str]:
    """A line a hyperparameter: name, default, the value in `chosen` where it differs, range, and where it exists."""
    chosen = chosen or {}
    rows = []
    for dimension in found:
        value, default = _text(chosen.get(dimension.name, dimension.default)), _text(dimension.default)
        what = "(a search leaves it as it is)" if dimension.values == 1 else dimension.range
        where = f"  where {' and '.join(map(_where, dimension.when))}" if dimension.when else ""
        rows.append((dimension.name, default if value == default else f"{default}, here {value}", what + where))
    table = [("hyperparameter", "default", "range"), *rows] if rows else []
    widths = [max(len(row[column]) for row in table) for column in range(2)] if rows else []
    return [f"{name:{widths[0]}}  {default:{widths[1]}}  {what}" for name, default, what in table]


def to_json(found: "list[Dimension]") -> list[dict[str, Any]]:
    """The same for a script; `values` is how many there are, null for a continuum."""
    from dataclasses import asdict

    return [{key: value for key, value in asdict(dimension).items() if key != "item"} for dimension in found]


def _where(condition: "Condition") -> str:
    values = condition.values
    if len(values) > 2 and all(type(value) is int for value in values):
        return f"{condition.parent} is {values[0]} to {values[-1]}"
    *others, last = map(_text, values)
    return f"{condition.parent} is {', '.join(others) + ' or ' if others else ''}{last}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
