"""What a value of a JSON document is."""

import simdjson

OBJECT = (simdjson.Object, dict)


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
