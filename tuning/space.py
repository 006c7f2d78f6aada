"""A search space in words: what each hyperparameter may be, and how many networks that makes."""

from dataclasses import dataclass
from math import prod
from typing import Any

from keras_tuner import HyperParameters


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter: its `range` as a person reads it, and how many values that is (None: a continuum)."""

    name: str
    range: str
    default: Any
    values: int | None


def dimensions(hp: HyperParameters) -> list[Dimension]:
    """What was declared on `hp`, in order; what has only one value is left out."""
    found = [_dimension(item) for item in hp.space]
    return [dimension for dimension in found if dimension.values != 1]


def size(found: list[Dimension]) -> tuple[int, int]:
    """How many combinations the countable dimensions make, and how many dimensions are a continuum."""
    counts = [dimension.values for dimension in found]
    return prod(count for count in counts if count is not None), counts.count(None)


def describe_size(found: list[Dimension]) -> str:
    """The size in a phrase."""
    combinations, continua = size(found)
    exact = f"{combinations:,}" if combinations < 1_000_000 else f"{combinations:.1e}".replace("e+", "e")
    more = f", times {continua} that can be any number in a range" if continua else ""
    return f"{len(found)} hyperparameters, {exact} combinations{more}"


def _dimension(item: Any) -> Dimension:
    config, name = item.get_config(), item.name.replace("/", ".")
    if "values" in config:
        values = config["values"]
        return Dimension(name, ", ".join(map(str, values)), item.default, len(values))
    if "min_value" in config:
        low, high, step = config["min_value"], config["max_value"], config["step"]
        logarithmic = " (logarithmic)" if config.get("sampling") == "log" else ""
        if step is None:
            return Dimension(name, f"{low} to {high}{logarithmic}", item.default, None)
        return Dimension(name, f"{low} to {high} by {step}", item.default, round((high - low) / step) + 1)
    if type(item).__name__ == "Boolean":
        return Dimension(name, "false, true", item.default, 2)
    return Dimension(name, str(config["value"]), config["value"], 1)
