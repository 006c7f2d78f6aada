"""Values of a JSON document: what they are, and objects whose keys stand once.

simdjson answers a key that stands twice with one of its values. So every object that is read goes through
`unique_keys`, and what a request may hold beside those through `check_unique_keys`.
"""

import json
from collections import Counter
from collections.abc import Container
from typing import Any

import simdjson

from serving.errors import ServiceError
from suite.errors import shortened

OBJECT = (simdjson.Object, dict)
# Looking up a value takes as long as its object has keys, so more are not looked up one by one.
FEW = 16


def unique_keys(item: Any) -> list[str]:
    """An object's keys; ServiceError 400 where one stands twice. Linear in their number."""
    keys = list(item)
    if len(keys) > 1 and len(set(keys)) != len(keys):
        ((key, _),) = Counter(keys).most_common(1)
        raise ServiceError(400, f"the key '{shortened(key)}' stands twice in an object: write each key once")
    return keys


def members(item: Any, known: Container[str]) -> dict[str, Any]:
    """The values of an object's known keys. ServiceError 400 where a key stands twice, at any depth of the others too.

    Linear in the number of keys, times that of known ones.
    """
    keys = unique_keys(item)
    found = {key: item[key] for key in keys if key in known}
    if len(found) < len(keys):
        check_unique_keys(item, [key for key in keys if key not in known])
    return found


def as_dict(item: simdjson.Object) -> dict[str, Any]:
    """All of an object as Python has it; ServiceError 400 where a key stands twice at any depth."""
    _check_all(item)
    found: dict[str, Any] = item.as_dict()
    return found


def check_unique_keys(item: Any, unread: list[str]) -> None:
    """ServiceError 400 where a key stands twice anywhere below these keys of an object, which nothing else reads."""
    if len(unread) > FEW:
        _check_all(item)
        return
    for key in unread:
        # One that holds a NUL cannot be looked up.
        value = item.get(key)
        if isinstance(value, simdjson.Object | simdjson.Array) or (value is None and "\0" in key):
            _check_all(value if value is not None else item)


def _check_all(item: Any) -> None:
    try:
        json.loads(item.mini, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ServiceError(400, "the body is nested too deep: send it as documented") from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    """For an object that is thrown away once its keys have been looked at."""
    unique_keys([key for key, _ in pairs])


def whole(value: object) -> int | None:
    """A whole number, also one written with a point; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def name(value: object) -> str:
    """A JSON value's type in words."""
    if isinstance(value, OBJECT):
        return "an object"
    if isinstance(value, simdjson.Array | list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "text" if isinstance(value, str) else "a number"
