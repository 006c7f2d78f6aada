"""The parsed content of a request: JSON instances, picture files, an array, or a table of text."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import simdjson

from serving.codecs.json_types import as_integer, members, name, unique_keys
from serving.errors import ServiceError, nearest
from suite.errors import shortened

KEYS = ("model", "version", "instances")
TOO_MANY = "{:,} instances in one request: send at most {:,}"
# Invalid documents that are longer than this are not parsed a second time for a better error message.
MAX_REPARSE = 2**20
BAD_NUMBER = ("BIGINT_ERROR", "NUMBER_ERROR")
# The digits of 2**64, and the largest version.
MAX_DIGITS, LARGEST_VERSION = 20, 2**63 - 1
# Matches a string, or an integer so long that it may not fit 64 bits. It also matches a string without an end, because
# the search would start again at each quote in it otherwise.
LONG = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|(?<![\d.eE+-])(?P<number>-?\d{19,})(?![\d.eE])')

# Columns that are named in an error.
MAX_NAMED = 5

# Columns of a table by name, with each cell as it is written.
Table = dict[str, list[str]]


@dataclass(slots=True)
class Payload:
    """The content of one request, in one of these: `instances` (with the JSON `text` that they were parsed from),
    picture `files`, an `array` or the columns of a `table`.

    Columns that the model does not use are refused if it is `strict`, else passed over and noted in `unused`.
    """

    model: str | None = None
    version: int | None = None
    instances: Any = None
    text: bytes = b""
    files: list[bytes] = field(default_factory=list)
    array: np.ndarray | None = None
    table: Table | None = None
    strict: bool = False
    unused: dict[str, None] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of rows, each of which gets a prediction."""
        if self.instances is not None:
            return len(self.instances)
        if self.array is not None:
            return len(self.array)
        return len(next(iter(self.table.values()))) if self.table is not None else len(self.files)

    def pass_over(
        self, found: Collection[str], known: Collection[str], place: str, ignored: Collection[str] = ()
    ) -> None:  # fmt: skip
        """Note columns that the model does not use; raise ServiceError 400 for these alone, or if it is strict."""
        unknown = [key for key in found if key not in known and key not in ignored]
        if unknown and (self.strict or len(unknown) == len(found)):
            shown = ", ".join(f"'{shortened(key)}'" for key in unknown[:MAX_NAMED])
            shown += " and more" if len(unknown) > MAX_NAMED else ""
            hint = nearest(unknown[0], list(known))
            raise ServiceError(400, f"{place}: the model has no column {shown}: {hint}")
        self.unused.update(dict.fromkeys(unknown))


def parse(text: bytes, max_rows: int) -> Payload:
    """Parse a JSON document {"model"?, "version"?, "instances"}; raise ServiceError 400 or 413."""
    found = parse_object(text, "instances")
    keys = unique_keys(found)
    check_known(keys, KEYS, "the body")
    if "instances" not in keys:
        raise ServiceError(400, "the body has no 'instances': add a list of what to predict")
    rows = instances(found["instances"], max_rows)
    return Payload(
        _model(found["model"]) if "model" in keys else None,
        _version(found["version"]) if "version" in keys else None,
        rows,
        text,
    )


def parse_members(text: bytes, wanted: str, known: frozenset[str]) -> dict[str, Any]:
    """Return the known members of a JSON document, ignoring others; raise ServiceError 400."""
    return members(parse_object(text, wanted), known)


def parse_object(text: bytes, wanted: str) -> simdjson.Object:
    """Parse a JSON document that must be an object; raise ServiceError 400, which asks for the member `wanted`."""
    document = _parse(text, wanted)
    if not isinstance(document, simdjson.Object):
        raise ServiceError(400, f"the body is {name(document)}: send an object with '{wanted}'")
    return document


def instances(found: Any, max_rows: int, key: str = "instances") -> Any:
    """Check that a value is a list of up to `max_rows` instances, and return it; raise ServiceError 400 or 413."""
    if not isinstance(found, simdjson.Array):
        raise ServiceError(400, f"'{key}' is {name(found)}: make it a list")
    rows = len(found)
    if not rows:
        raise ServiceError(400, f"'{key}' is empty: add what to predict")
    if rows > max_rows:
        raise ServiceError(413, TOO_MANY.format(rows, max_rows))
    return found


def check_known(found: list[str], allowed: tuple[str, ...], place: str) -> None:
    """Raise ServiceError 400 for a key that is not allowed."""
    unknown = [key for key in found if key not in allowed]
    if unknown:
        shown = ", ".join(f"'{shortened(key)}'" for key in unknown[:5])
        raise ServiceError(400, f"{place} has the unknown key {shown}: {nearest(unknown[0], allowed)}")


def _parse(text: bytes, wanted: str) -> Any:
    try:
        return simdjson.Parser().parse(text)
    except (ValueError, RuntimeError) as error:
        shorter = LONG.sub(_as_float, text) if str(error).startswith(BAD_NUMBER) and len(text) <= MAX_REPARSE else text
        if shorter != text:
            return _parse(shorter, wanted)
        _explain(text, error, wanted)


def _as_float(found: re.Match[bytes]) -> bytes:
    """Rewrite an integer of more than 64 bits as a float, which simdjson accepts."""
    number = found["number"]
    if number is None or (len(number) <= MAX_DIGITS and -(2**63) <= int(number) < 2**64):
        return found[0]
    return number + b"e0"


def _model(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ServiceError(400, f"'model' is {name(value)}: give its name as text")


def _version(value: object) -> int | None:
    number = as_integer(value)
    if value is not None and (number is None or abs(number) > LARGEST_VERSION):
        raise ServiceError(400, f"'version' is {name(value)}: give a whole number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ServiceError(400, f"the body holds {constant}, which is not JSON: use null for a missing number")


def _explain(text: bytes, error: Exception, wanted: str) -> NoReturn:
    """Raise ServiceError 400 for an invalid document, with the message of Python's parser, which states the place."""
    if not text.strip():
        raise ServiceError(400, f"the body is empty: send an object with '{wanted}'") from error
    if len(text) <= MAX_REPARSE:
        try:
            json.loads(text, parse_constant=_refuse)
        except RecursionError:
            pass
        except ValueError as precise:
            raise ServiceError(400, f"the body is not JSON ({precise}): send an object with '{wanted}'") from error
    reason = str(error).partition(":")[2].strip() or str(error)
    raise ServiceError(400, f"the body is not JSON that can be read ({reason}): correct it")
