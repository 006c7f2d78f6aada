"""Hyperparameters that people give by hand, checked against the space that the network declares."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import UsageError, unknown

if TYPE_CHECKING:
    from keras_tuner import HyperParameters


def read_file(path: Path) -> dict[str, Any]:
    """The values in a JSON file: {name: value}, or a card with `hyperparameters`; names as people write them."""
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
    return {_dotted(name): given for name, given in value.items()}


def parse(assignments: tuple[str, ...]) -> dict[str, Any]:
    """`block.name=value` as written on a command line; values are JSON where they can be, else strings."""
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


def choose(build: "Callable[[HyperParameters], Any]", values: Mapping[str, Any]) -> "HyperParameters":
    """Hyperparameters with these values and defaults for the rest.

    `build` declares the space. UsageError for a name that is not in it or a value outside of its range.
    """
    from keras_tuner import HyperParameters

    wanted = {name.replace(".", "/"): value for name, value in values.items()}

    class Checked(HyperParameters):  # type: ignore[misc]
        """Refuses a value by hand where the network declares its range: before a layer is made with it."""

        def _retrieve(self, item: Any) -> Any:
            if item.name in wanted:
                self.values[item.name] = _declared(item, wanted[item.name])
            return super()._retrieve(item)

    hp = Checked()
    hp.values.update(wanted)
    build(hp)
    known = {item.name for item in hp.space}
    for name in wanted:
        if name not in known:
            raise unknown("hyperparameter", _dotted(name), sorted(map(_dotted, known)))
    return hp


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _declared(item: Any, value: Any) -> Any:
    """The value as the network declares it: 32 for 32.0 where it counts; UsageError for one that it does not allow."""
    name, config = _dotted(item.name), item.get_config()
    if "values" in config:
        # True is not 1 to a person.
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
