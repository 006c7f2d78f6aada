"""What can be asked of one of KerasTuner's hyperparameters: its kind, its values, whether it exists."""

from collections.abc import Callable, Iterator
from typing import Any

from keras_tuner.engine.hyperparameters import Boolean, Fixed, Float, HyperParameter, Int

from tuning.task import Values

DECIMALS = 6


def is_fixed(item: HyperParameter) -> bool:
    """Whether it has a value that no search changes."""
    return isinstance(item, Fixed)


def is_boolean(item: HyperParameter) -> bool:
    """Whether it is true or false."""
    return isinstance(item, Boolean)


def is_integer(item: HyperParameter) -> bool:
    """Whether it is a whole number in a range."""
    return isinstance(item, Int)


def is_float(item: HyperParameter) -> bool:
    """Whether it is a number in a range."""
    return isinstance(item, Float)


def is_continuous(item: HyperParameter) -> bool:
    """Whether it takes any number in a range."""
    return is_float(item) and item.step is None


def is_ordered(item: HyperParameter) -> bool:
    """Whether its values have an order."""
    return not is_boolean(item) and bool(getattr(item, "ordered", True))


def is_active(item: HyperParameter, values: Values) -> bool:
    """Whether it exists with these values of the hyperparameters before it."""
    return all(condition.is_active(values) for condition in item.conditions)


def all_values(item: HyperParameter) -> list[Any]:
    """All values of a hyperparameter that is not continuous, in order.

    KerasTuner itself lists only ten values of an integer without a step, and its float steps end in rounding noise.
    """
    if is_integer(item) and item.step is None:
        return list(range(item.min_value, item.max_value + 1))
    if is_float(item):
        count = round((item.max_value - item.min_value) / item.step) + 1
        return [round(item.min_value + index * item.step, DECIMALS) for index in range(count)]
    return list(item.values)


def varies(item: HyperParameter) -> bool:
    """Whether it has more than one value."""
    if is_continuous(item):
        return bool(item.min_value < item.max_value)
    return len(set(all_values(item))) > 1


def configurations(
    space: list[HyperParameter],
    values: Callable[[HyperParameter], list[Any]] = all_values,
    chosen: Values | None = None,
) -> Iterator[Values]:
    """Every configuration of a space in which each hyperparameter that exists has one of `values(item)`."""
    chosen = chosen or {}
    for index, item in enumerate(space):
        if is_active(item, chosen):
            for value in values(item):
                yield from configurations(space[index + 1 :], values, chosen | {item.name: value})
            return
    yield chosen
