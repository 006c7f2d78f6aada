"""Types of JSON values, and checks for duplicate keys.

simdjson silently returns one of the values of a duplicate key. Every object that is read is therefore checked with
`unique_keys`, and the unread parts of a request with `check_unique_keys`.
"""

import json
from collections import Counter
from collections.abc import Container
from typing import Any

import simdjson

from serving.errors import ServiceError
from suite.errors import shortened

OBJECT = (simdjson.Object, dict)
# Each lookup is linear in the number of keys of its object, so at most this many keys are looked up one by one.
MAX_LOOKUPS = 16


def unique_keys(item: Any) -> list[str]:
    """Return the keys of an object, in linear time; raise ServiceError 400 for a duplicate key."""
    keys = list(item)
    if len(keys) > 1 and len(set(keys)) != len(keys):
        ((key, _),) = Counter(keys).most_common(1)
        raise ServiceError(400, f"the key '{shortened(key)}' stands twice in an object: write each key once")
    return keys


def members(item: Any, known: Container[str]) -> dict[str, Any]:
    """Return the values of an object's known keys; raise ServiceError 400 for a duplicate, even below unknown keys.

    The time is proportional to the number of keys times the number of known ones.
    """
    keys = unique_keys(item)
    found = {key: item[key] for key in keys if key in known}
    if len(found) < len(keys):
        check_unique_keys(item, [key for key in keys if key not in known])
    return found


def as_dict(item: simdjson.Object) -> dict[str, Any]:
    """Convert an object and all that it contains to a dict; raise ServiceError 400 for a duplicate key at any depth."""
    _check_all(item)
    found: dict[str, Any] = item.as_dict()
    return found


def check_unique_keys(item: Any, unread: list[str]) -> None:
    """Raise ServiceError 400 for a duplicate key anywhere below the `unread` keys of an object."""
    if len(unread) > MAX_LOOKUPS:
        _check_all(item)
        return
    for key in unread:
        # simdjson cannot look up a key that contains a NUL.
        value = item.get(key)
        if isinstance(value, simdjson.Object | simdjson.Array) or (value is None and "\0" in key):
            _check_all(value if value is not None else item)


def _check_all(item: Any) -> None:
    try:
        json.loads(item.mini, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ServiceError(400, "the body is nested too deep: send it as documented") from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    """Check the keys of an object, as a hook of the json module; the object itself is discarded."""
    unique_keys([key for key, _ in pairs])


def as_integer(value: object) -> int | None:
    """Return a whole number as int, even if written with a decimal point; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def name(value: object) -> str:
    """Return the type of a JSON value in words."""
    if isinstance(value, OBJECT):
        return "an object"
    if isinstance(value, simdjson.Array | list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "text" if isinstance(value, str) else "a number"
