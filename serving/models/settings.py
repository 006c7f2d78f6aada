"""Settings of one model, which override the service's. They are in serving.json, next to the model's versions."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from serving.config import AUTO, FASTEST_FIRST, RANGES
from suite import artifact, files
from suite.errors import SuiteError, UsageError, unknown

FILE = "serving.json"
ENGINES = (AUTO, *FASTEST_FIRST)
SHOWN = 40
NUMBER = re.compile("[0-9]{1,9}")
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class ModelSettings:
    """Settings as in `serving.config.Config`; if one is None, the service's applies.

    A model with `served` set to False does not answer requests.
    """

    max_batch: int | None = None
    max_delay_ms: int | None = None
    max_waiting: int | None = None
    engine: str | None = None
    served: bool | None = None

    def given(self) -> dict[str, int | str | bool]:
        """Return the settings that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read(parent: Path) -> ModelSettings:
    """Read the settings in a model's folder; raise SuiteError with the file, the setting and the allowed values."""
    file = parent / FILE
    try:
        found = json.loads(files.read_small(file))
    except FileNotFoundError:
        return ModelSettings()
    except (OSError, ValueError, RecursionError) as error:
        raise SuiteError(f"{file} cannot be read ({files.explain(error)}): fix or delete it") from error
    if not isinstance(found, dict):
        raise SuiteError(f'{file} is no JSON object: write it like {{"max_batch": 32}}')
    try:
        return _checked(found)
    except UsageError as error:
        raise SuiteError(f"{file}: {error}") from error


def put(parent: Path, assignments: Sequence[str]) -> ModelSettings:
    """Set each NAME=VALUE and remove each NAME=; raise UsageError for an unknown name or an invalid value."""
    values: dict[str, Any] = dict(read(parent).given())
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"'{assignment}' sets nothing: write it like max_batch=32")
        values[name] = int(text) if NUMBER.fullmatch(text) else TRUTHS.get(text, text or None)
    settings = _checked(values)
    artifact.replace_file(parent / FILE, json.dumps(settings.given(), indent=2).encode() + b"\n")
    return settings


def _checked(values: dict[str, Any]) -> ModelSettings:
    names = [item.name for item in fields(ModelSettings)]
    for name, value in values.items():
        if name not in names:
            raise unknown("setting", name, names)
        if value is not None and not _allowed(name, value):
            raise UsageError(f"'{name}' is {json.dumps(value)[:SHOWN]}: give {_what(name)}")
    return ModelSettings(**values)


def _allowed(name: str, value: Any) -> bool:
    if name == "engine":
        return value in ENGINES
    if name == "served":
        return isinstance(value, bool)
    least, most = RANGES[name]
    return type(value) is int and least <= value <= most


def _what(name: str) -> str:
    if name == "engine":
        return f"one of {', '.join(ENGINES)}"
    if name == "served":
        return "true or false"
    least, most = RANGES[name]
    return f"a whole number from {least} to {most}"
