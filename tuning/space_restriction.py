"""A search space restricted by hand: some values of a hyperparameter, a range, or a single value."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_tuner import HyperParameters
from keras_tuner.engine.hyperparameters import Choice, Fixed

from suite.errors import UsageError, unknown
from suite.notation import dotted
from tuning.hyperparameter_kinds import is_boolean, is_fixed, is_float, is_integer

NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
RANGE = re.compile(f"({NUMBER})\\.\\.({NUMBER})")
OTHERS = "others"


@dataclass(frozen=True)
class ValueRange:
    """The numbers from `low` to `high`, both included."""

    low: float
    high: float


Rule = list[Any] | ValueRange


@dataclass
class SpaceRestriction:
    """Which values hyperparameters may take, by name.

    A name is whole (`mlp.activation`), or the end of names (`activation`) and then applies to all that end in it,
    unless it is the whole name of another one. With `others_default`, hyperparameters without a rule keep their
    defaults.
    """

    rules: dict[str, Rule] = field(default_factory=dict)
    others_default: bool = False
    _used: set[str] = field(default_factory=set)
    _declared: set[str] = field(default_factory=set)
    _refusals: list[UsageError] = field(default_factory=list)

    def new_hyperparameters(self) -> HyperParameters:
        """Hyperparameters that restrict whatever a network declares on them."""
        return _RestrictedHyperParameters(self)

    def restrict(self, item: Any) -> Any:
        """A declared hyperparameter, restricted; UsageError if its rule asks for a value outside its range."""
        name = dotted(item.name)
        self._declared.add(name)
        ends = [end for end in _name_ends(name) if end not in self._declared]
        rule_name = next((rule for rule in (name, *ends) if rule in self.rules), None)
        if rule_name is None:
            return Fixed(item.name, item.default) if self.others_default and not is_fixed(item) else item
        self._used.add(rule_name)
        rule = self.rules[rule_name]
        try:
            return _within(item, name, rule) if isinstance(rule, ValueRange) else _one_of(item, name, rule)
        except UsageError as error:
            self._refusals.append(error)
            raise

    @property
    def single_values(self) -> dict[str, Any]:
        """The values of hyperparameters that may take one only, by whole or shortened name."""
        return {name: rule[0] for name, rule in self.rules.items() if isinstance(rule, list) and len(rule) == 1}

    def check(self) -> None:
        """After the whole space was declared: UsageError for a refused value, or for a name that is not in the space.

        While a space is explored, a refused value counts as a network that cannot be built; here it is an error.
        """
        if self._refusals:
            raise self._refusals[0]
        for name in self.rules:
            if name not in self._used:
                raise unknown("hyperparameter", name, sorted(self._declared))


class _RestrictedHyperParameters(HyperParameters):  # type: ignore[misc]
    def __init__(self, restriction: SpaceRestriction) -> None:
        super().__init__()
        self._restriction = restriction

    def _retrieve(self, item: Any) -> Any:
        return super()._retrieve(self._restriction.restrict(item))


def parse(sets: tuple[str, ...], fixes: tuple[str, ...], file: Path | None) -> SpaceRestriction:
    """A restriction from assignments and a JSON file; assignments win over the file.

    Each of `sets` is `name=1,2,3` or `name=0.1..0.5`, each of `fixes` is `name=value`.
    """
    rules, others_default = _read(file) if file else ({}, False)
    for assignment in (*sets, *fixes):
        name, separator, text = assignment.partition("=")
        if not separator or not name or not text:
            raise UsageError(f"'{assignment}' narrows nothing: write it as name=value, name=16,32 or name=0.1..0.5")
        rules[name] = [_parse_value(text)] if assignment in fixes else _parse_values(text)
    return SpaceRestriction(rules, others_default)


def _read(file: Path) -> tuple[dict[str, Rule], bool]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} does not hold a search space ({error}): give a JSON object by name") from error
    if not isinstance(content, dict):
        raise UsageError(f"{file} holds a {type(content).__name__}, not a search space: give a JSON object by name")
    others = content.pop(OTHERS, None)
    if others not in (None, "default"):
        raise UsageError(f"'{OTHERS}' in {file} is {others!r}: write \"default\", or leave it out")
    return {dotted(name): _read_rule(file, name, rule) for name, rule in content.items()}, others is not None


def _read_rule(file: Path, name: str, rule: Any) -> Rule:
    if isinstance(rule, list):
        if not rule:
            raise UsageError(f"{name} has no values to choose from in {file}: give at least one")
        return rule
    if isinstance(rule, Mapping):
        bounds = [rule.get("min"), rule.get("max")]
        if set(rule) != {"min", "max"} or not all(type(bound) in (int, float) for bound in bounds):
            raise UsageError(f'{name} in {file} is {dict(rule)}: write a range as {{"min": 1, "max": 4}}')
        return ValueRange(rule["min"], rule["max"])
    return [rule]


def _parse_values(text: str) -> Rule:
    bounds = RANGE.fullmatch(text)
    if bounds:
        return ValueRange(float(bounds[1]), float(bounds[2]))
    return [_parse_value(part) for part in text.split(",")]


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _name_ends(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(1, len(parts))]


def _one_of(item: Any, name: str, values: list[Any]) -> Any:
    for value in values:
        _check_value(item, name, value)
    values = list(dict.fromkeys(values))
    if len(values) == 1:
        return Fixed(item.name, values[0])
    if is_boolean(item):
        return item
    return Choice(item.name, values, default=item.default if item.default in values else values[0])


def _check_value(item: Any, name: str, value: Any) -> None:
    config = item.get_config()
    if "min_value" in config:
        number = type(value) is int or (type(value) is float and is_float(item))
        if not number or not config["min_value"] <= value <= config["max_value"]:
            raise _refusal(name, value, f"from {config['min_value']} to {config['max_value']}")
    elif not is_fixed(item):
        allowed = [False, True] if is_boolean(item) else config["values"]
        if not any(value == one and type(value) is type(one) for one in allowed):
            raise _refusal(name, value, f"one of {', '.join(map(str, allowed))}")


def _within(item: Any, name: str, allowed: ValueRange) -> Any:
    config = item.get_config()
    text = f"{allowed.low:g}..{allowed.high:g}"
    if allowed.low > allowed.high:
        raise UsageError(f"{name} cannot go from {allowed.low:g} to {allowed.high:g}: the first is the larger")
    if "min_value" not in config:
        values = config.get("values", [item.default])
        inside = [value for value in values if type(value) in (int, float) and allowed.low <= value <= allowed.high]
        if not inside:
            raise _refusal(name, text, f"one of {', '.join(map(str, values))}")
        return _one_of(item, name, inside)
    if allowed.low < config["min_value"] or allowed.high > config["max_value"]:
        raise _refusal(name, text, f"from {config['min_value']} to {config['max_value']}")
    kind = int if is_integer(item) else float
    low, high = kind(allowed.low), kind(allowed.high)
    default = min(max(item.default, low), high)
    return type(item).from_config(config | {"min_value": low, "max_value": high, "default": default})


def _refusal(name: str, value: Any, allowed: str) -> UsageError:
    return UsageError(f"{name} cannot be {value}: the domain's space has {allowed}")
