"""Hyperparameters set by hand, checked against what the network declares."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import UsageError, unknown
from suite.notation import dotted, slashed

if TYPE_CHECKING:
    from keras_tuner import HyperParameters


def read_file(path: Path) -> dict[str, Any]:
    """The values in a JSON file, by dotted name: an object {name: value}, or a card with `hyperparameters`."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} does not hold hyperparameters ({error}): give a JSON object or a card.json"
        ) from error
    if isinstance(value, dict) and isinstance(value.get("hyperparameters"), dict):
        value = value["hyperparameters"]
    if not isinstance(value, dict):
        raise UsageError(
            f"{path} holds a {type(value).__name__}: give a JSON object of hyperparameters, or a card.json"
        )
    return {dotted(name): given for name, given in value.items()}


def parse_assignments(assignments: tuple[str, ...]) -> dict[str, Any]:
    """The values of assignments such as `conv.filters=64`, by name; a value is JSON if it can be, else a string."""
    values = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator or not name:
            raise UsageError(f"'{assignment}' sets nothing: write it as name=value, for example conv.filters=64")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def resolve(build: "Callable[[HyperParameters], Any]", values: Mapping[str, Any]) -> "HyperParameters":
    """Hyperparameters with these values, and defaults for the rest.

    `build` declares the space. UsageError for a name that is not in it, or a value outside its range.
    """
    from keras_tuner import HyperParameters

    wanted = {slashed(name): value for name, value in values.items()}

    class CheckedHyperParameters(HyperParameters):  # type: ignore[misc]
        """Checks a value when the network declares its range, before a layer is built with it."""

        def _retrieve(self, item: Any) -> Any:
            if item.name in wanted:
                self.values[item.name] = _checked_value(item, wanted[item.name])
            return super()._retrieve(item)

    hp = CheckedHyperParameters()
    hp.values.update(wanted)
    build(hp)
    known = {item.name for item in hp.space}
    for name in wanted:
        if name not in known:
            raise unknown("hyperparameter", dotted(name), sorted(map(dotted, known)))
    return hp


def _checked_value(item: Any, value: Any) -> Any:
    """The value in the type that the network declares, such as 32 for 32.0; UsageError if it is not allowed."""
    name, config = dotted(item.name), item.get_config()
    if "values" in config:
        # In Python True equals 1; here they are different values.
        same = [one for one in config["values"] if one == value and isinstance(one, bool) == isinstance(value, bool)]
        if not same:
            raise UsageError(f"{name} cannot be {value!r}: choose one of {', '.join(map(str, config['values']))}")
        return same[0]
    if "min_value" in config:
        low, high = config["min_value"], config["max_value"]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise UsageError(f"{name} cannot be {value!r}: choose a number from {low} to {high}")
        if type(item).__name__ == "Float":
            return float(value)
        if value != int(value):
            raise UsageError(f"{name} cannot be {value!r}: choose a whole number from {low} to {high}")
        return int(value)
    if type(item).__name__ == "Boolean" and not isinstance(value, bool):
        raise UsageError(f"{name} cannot be {value!r}: choose true or false")
    return value
