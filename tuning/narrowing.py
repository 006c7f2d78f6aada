"""A domain's search space made smaller by hand: some values of a hyperparameter, a range, or one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_tuner import HyperParameters
from keras_tuner.engine import hyperparameters as kinds

from suite.errors import UsageError, unknown

NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
RANGE = re.compile(f"({NUMBER})\\.\\.({NUMBER})")
OTHERS = "others"


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass
class Narrowing:
    """What hyperparameters may be, by name; with `only`, those without a rule keep their defaults.

    A name is a whole one (`mlp.activation`), or the end of one (`activation`) that then holds for all that end so.
    """

    rules: dict[str, list[Any] | Range] = field(default_factory=dict)
    only: bool = False
    _used: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _refusals: list[UsageError] = field(default_factory=list)

    def hyperparameters(self) -> HyperParameters:
        """Hyperparameters on which a network declares the narrowed space."""
        return _Narrowed(self)

    def apply(self, item: Any) -> Any:
        """A declared hyperparameter as it may be; UsageError where a rule asks for what its range does not hold."""
        name = item.name.replace("/", ".")
        self._seen.add(name)
        rule = next((rule for rule in (name, *_ends(name)) if rule in self.rules), None)
        if rule is None:
            fixed = self.only and type(item).__name__ != "Fixed"
            return kinds.Fixed(item.name, item.default) if fixed else item
        self._used.add(rule)
        allowed = self.rules[rule]
        try:
            return _in_range(item, name, allowed) if isinstance(allowed, Range) else _among(item, name, allowed)
        except UsageError as error:
            self._refusals.append(error)
            raise

    def check(self) -> None:
        """After the whole space was declared: UsageError for what was refused, or a name that is nowhere in it."""
        # Who explores a space takes a refusal for a network that cannot be built.
        if self._refusals:
            raise self._refusals[0]
        for name in self.rules:
            if name not in self._used:
                raise unknown("hyperparameter", name, sorted(self._seen))

    def to_json(self) -> dict[str, Any]:
        """For the card and for telling whether two searches are of the same space."""
        rules = {
            name: {"min": rule.low, "max": rule.high} if isinstance(rule, Range) else rule
            for name, rule in sorted(self.rules.items())
        }
        return rules | ({OTHERS: "default"} if self.only else {})


class _Narrowed(HyperParameters):  # type: ignore[misc]
    def __init__(self, narrowing: Narrowing) -> None:
        super().__init__()
        self._narrowing = narrowing

    def _retrieve(self, item: Any) -> Any:
        return super()._retrieve(self._narrowing.apply(item))


def parse(sets: tuple[str, ...], fixes: tuple[str, ...], file: Path | None) -> Narrowing:
    """From `name=1,2,3` or `name=0.1..0.5` each, `name=value` each, and a JSON file; the former before the latter."""
    rules, only = _read(file) if file else ({}, False)
    for assignment in (*sets, *fixes):
        name, separator, text = assignment.partition("=")
        if not separator or not name or not text:
            raise UsageError(f"'{assignment}' narrows nothing: write it as name=value, name=16,32 or name=0.1..0.5")
        rules[name] = [_value(text)] if assignment in fixes else _allowed(text)
    return Narrowing(rules, only)


def _read(file: Path) -> tuple[dict[str, list[Any] | Range], bool]:
    try:
        given = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} does not hold a search space ({error}): give a JSON object by name") from error
    if not isinstance(given, dict):
        raise UsageError(f"{file} holds a {type(given).__name__}, not a search space: give a JSON object by name")
    others = given.pop(OTHERS, None)
    if others not in (None, "default"):
        raise UsageError(f"'{OTHERS}' in {file} is {others!r}: write \"default\", or leave it out")
    return {name.replace("/", "."): _rule(file, name, rule) for name, rule in given.items()}, others is not None


def _rule(file: Path, name: str, rule: Any) -> list[Any] | Range:
    if isinstance(rule, list):
        if not rule:
            raise UsageError(f"{name} has no values to choose from in {file}: give at least one")
        return rule
    if isinstance(rule, Mapping):
        bounds = [rule.get("min"), rule.get("max")]
        if set(rule) != {"min", "max"} or not all(type(bound) in (int, float) for bound in bounds):
            raise UsageError(f'{name} in {file} is {dict(rule)}: write a range as {{"min": 1, "max": 4}}')
        return Range(rule["min"], rule["max"])
    return [rule]


def _allowed(text: str) -> list[Any] | Range:
    found = RANGE.fullmatch(text)
    return Range(float(found[1]), float(found[2])) if found else [_value(part) for part in text.split(",")]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ends(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(1, len(parts))]


def _among(item: Any, name: str, values: list[Any]) -> Any:
    for value in values:
        _check(item, name, value)
    values = list(dict.fromkeys(values))
    if len(values) == 1:
        return kinds.Fixed(item.name, values[0])
    if type(item).__name__ == "Boolean":
        return item
    return kinds.Choice(item.name, values, default=item.default if item.default in values else values[0])


def _check(item: Any, name: str, value: Any) -> None:
    config = item.get_config()
    if "min_value" in config:
        number = type(value) is int or (type(value) is float and type(item).__name__ == "Float")
        if not number or not config["min_value"] <= value <= config["max_value"]:
            raise _outside(name, value, f"from {config['min_value']} to {config['max_value']}")
    elif type(item).__name__ != "Fixed":
        allowed = [False, True] if type(item).__name__ == "Boolean" else config["values"]
        if not any(value == one and type(value) is type(one) for one in allowed):
            raise _outside(name, value, f"one of {', '.join(map(str, allowed))}")


def _in_range(item: Any, name: str, allowed: Range) -> Any:
    config = item.get_config()
    if allowed.low > allowed.high:
        raise UsageError(f"{name} cannot go from {allowed.low:g} to {allowed.high:g}: the first is the larger")
    if "min_value" not in config:
        values = config.get("values", [item.default])
        inside = [value for value in values if type(value) in (int, float) and allowed.low <= value <= allowed.high]
        if not inside:
            raise _outside(name, f"{allowed.low:g}..{allowed.high:g}", f"one of {', '.join(map(str, values))}")
        return _among(item, name, inside)
    if allowed.low < config["min_value"] or allowed.high > config["max_value"]:
        wanted = f"{allowed.low:g}..{allowed.high:g}"
        raise _outside(name, wanted, f"from {config['min_value']} to {config['max_value']}")
    kind = int if type(item).__name__ == "Int" else float
    low, high = kind(allowed.low), kind(allowed.high)
    default = min(max(item.default, low), high)
    return type(item).from_config(config | {"min_value": low, "max_value": high, "default": default})


def _outside(name: str, value: Any, allowed: str) -> UsageError:
    return UsageError(f"{name} cannot be {value}: the domain's space has {allowed}")
