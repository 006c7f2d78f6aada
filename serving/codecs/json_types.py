"""What a value of a JSON document is."""

from typing import Any

import simdjson

OBJECT = (simdjson.Object, dict)


def members(item: Any) -> dict[str, Any]:
    """An object's values by key; None under one that holds a NUL, which cannot be looked up."""
    return {key: item.get(key) for key in item}


def whole(value: object) -> int | None:
    """A whole number, also one written with a point; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def name(value: object) -> str:
    """A JSON value's type in words."""
    if isinstance(value, simdjson.Object):
        return "an object"
    if isinstance(value, simdjson.Array):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "text" if isinstance(value, str) else "a number"
