"""A search space in words: what each hyperparameter may be, and how many networks that makes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from keras_tuner import HyperParameters
from keras_tuner.engine.hyperparameters import Choice
from keras_tuner.src.engine.conditions import Parent

from suite.errors import UsageError

DECIMALS = 6
NOTHING = object()


@dataclass(frozen=True)
class Condition:
    """What a hyperparameter's existence hangs on: that `parent` exists and has one of `values`."""

    parent: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter: its `range` as a person reads it, and how many values that is (None: a continuum).

    It exists where all the conditions in `when` hold. `item` is KerasTuner's own, as it was declared.
    """

    name: str
    range: str
    default: Any
    values: int | None
    when: tuple[Condition, ...] = ()
    item: Any = field(default=None, repr=False, compare=False)


def dimensions(hp: HyperParameters) -> list[Dimension]:
    """What was declared on `hp`, in order; what has only one value is left out."""
    found = [_dimension(item) for item in hp.space]
    return [dimension for dimension in found if dimension.values != 1]


def explore(
    declare: Callable[[HyperParameters], Any], make: Callable[[], HyperParameters] = HyperParameters
) -> list[Dimension]:
    """Every hyperparameter that `declare` can ask for, scope by scope, each with what its existence hangs on.

    `declare` is called with the defaults and then with each value of each hyperparameter, one at a time, and further
    where a value brings new ones. What depends on two that differ from their defaults at once stays unseen. A value
    that is refused (UsageError) counts as one that changes nothing. Fixed ones are listed, with one value. `make` makes
    what they are declared on.
    """
    explorer = _Explorer(declare, make)
    explorer.visit({}, explorer.declared({}) or {})
    return _in_scopes(explorer.found)


def hyperparameters(found: Iterable[Dimension]) -> HyperParameters:
    """The same space as KerasTuner's oracles take it: conditions included, each after those that it hangs on."""
    hp = HyperParameters()
    waiting, placed = list(found), set()
    while waiting:
        dimension = next(one for one in waiting if all(condition.parent in placed for condition in one.when))
        waiting.remove(dimension)
        placed.add(dimension.name)
        item = _searchable(dimension.item)
        item.conditions = [Parent(one.parent.replace(".", "/"), list(one.values)) for one in dimension.when]
        hp.merge([item])
    return hp


def _searchable(item: Any) -> Any:
    """A copy; of floats a step apart, as a choice among them: KerasTuner's steps end in noise, often too soon."""
    if type(item).__name__ != "Float" or item.step is None:
        return type(item).from_config(item.get_config())
    count = round((item.max_value - item.min_value) / item.step) + 1
    values = [round(item.min_value + index * item.step, DECIMALS) for index in range(count)]
    return Choice(item.name, values, default=round(item.default, DECIMALS))


def size(found: Iterable[Dimension]) -> tuple[int, int]:
    """How many combinations the countable dimensions make, and how many dimensions are a continuum.

    A dimension multiplies only the combinations in which it exists.
    """
    found = list(found)
    parents = {condition.parent for dimension in found for condition in dimension.when}
    switches = [dimension for dimension in found if dimension.name in parents]
    rest = [dimension for dimension in found if dimension.name not in parents]
    return _combinations(switches, rest, {}), sum(dimension.values is None for dimension in found)


def describe_size(found: Iterable[Dimension]) -> str:
    """The size in a phrase."""
    found = [dimension for dimension in found if dimension.values != 1]
    combinations, continua = size(found)
    exact = f"{combinations:,}" if combinations < 1_000_000 else f"{combinations:.1e}".replace("e+", "e")
    more = f", times {continua} that can be any number in a range" if continua else ""
    return f"{len(found)} hyperparameters, {exact} combinations{more}"


class _Explorer:
    """Calls `declare` with one value after another and keeps what it asks for."""

    def __init__(self, declare: Callable[[HyperParameters], Any], make: Callable[[], HyperParameters]) -> None:
        self._declare, self._make = declare, make
        self._found: dict[str, Dimension] = {}
        self._when: dict[str, list[Condition]] = {}

    @property
    def found(self) -> list[Dimension]:
        """All that was seen; a parent comes before what hangs on it."""
        return [replace(one, when=self._needed(name)) for name, one in self._found.items()]

    def _needed(self, name: str) -> tuple[Condition, ...]:
        """A name's conditions without those that its parents have too."""
        own = self._when.get(name, [])
        implied = {condition for parent in own for condition in self._when.get(parent.parent, [])}
        return tuple(condition for condition in own if condition not in implied)

    def declared(self, values: dict[str, Any]) -> dict[str, Any] | None:
        """What is asked for with these values, by name; None where they are refused."""
        hp = self._make()
        hp.values.update(values)
        try:
            self._declare(hp)
        except UsageError:
            return None
        return {item.name: item for item in hp.space}

    def visit(self, context: dict[str, Any], items: dict[str, Any]) -> None:
        """Try each value of `items`, which exist where `context` is set."""
        for item in items.values():
            self._found.setdefault(_dotted(item.name), _dimension(item))
        here = self.declared(context) or {}
        for item in items.values():
            answers = self._answers(context, item, here)
            self._hang(item, answers, items)
            for value, there in answers.items():
                brought = {name: new for name, new in there.items() if _dotted(name) not in self._found}
                if brought:
                    self.visit({**context, item.name: value}, brought)

    def _answers(self, context: dict[str, Any], item: Any, here: dict[str, Any]) -> dict[Any, dict[str, Any]]:
        """What there is for each value of `item`; only for the ends of numbers that bring nothing new at either."""
        # Some defaults follow from other values: only what follows from this item itself is to differ.
        pinned = {name: other.default for name, other in here.items()} | context

        def ask(values: Iterable[Any]) -> dict[Any, dict[str, Any]]:
            found = {}
            for value in values:
                there = here if value == item.default else self.declared({**pinned, item.name: value})
                found[value] = here if there is None else there
            return found

        possible = values(item)
        if any(isinstance(value, (str, bool)) for value in possible):
            return ask(possible)
        ends = ask(dict.fromkeys([possible[0], possible[-1]]))
        return ends if all(set(there) == set(here) for there in ends.values()) else ask(possible)

    def _hang(self, parent: Any, answers: dict[Any, dict[str, Any]], items: dict[str, Any]) -> None:
        """Note what is there with some values of `parent` only: of `items`, and of what nothing else has brought."""
        for name in dict.fromkeys(name for there in answers.values() for name in there):
            active = tuple(value for value, there in answers.items() if name in there)
            if len(active) < len(answers) and (name in items or _dotted(name) not in self._found):
                self._when.setdefault(_dotted(name), []).append(Condition(_dotted(parent.name), active))


def _combinations(switches: list[Dimension], rest: list[Dimension], chosen: dict[str, Any]) -> int:
    if not switches:
        return prod(dimension.values or 1 for dimension in rest if _exists(dimension, chosen))
    switch, *others = switches
    if not _exists(switch, chosen):
        return _combinations(others, rest, chosen)
    hanging = [
        condition.values
        for dimension in [*others, *rest]
        for condition in dimension.when
        if condition.parent == switch.name
    ]
    # Values with the same consequences are counted once, times how many they are.
    alike: dict[tuple[bool, ...], list[Any]] = {}
    for value in dict.fromkeys(value for values in hanging for value in values):
        alike.setdefault(tuple(value in values for values in hanging), []).append(value)
    groups = [(values[0], len(values)) for values in alike.values()]
    groups.append((NOTHING, (switch.values or 1) - sum(count for _, count in groups)))
    return sum(
        count * _combinations(others, rest, {**chosen, switch.name: value}) for value, count in groups if count > 0
    )


def _exists(dimension: Dimension, chosen: dict[str, Any]) -> bool:
    return all(chosen.get(condition.parent, NOTHING) in condition.values for condition in dimension.when)


def _in_scopes(found: list[Dimension]) -> list[Dimension]:
    """Scope by scope, and in each what hangs on another after it."""
    scopes = list(dict.fromkeys(_scope(dimension.name) for dimension in found))
    places: dict[str, tuple[int, ...]] = {}
    for index, dimension in enumerate(found):
        scope = _scope(dimension.name)
        above = max((places[one.parent] for one in dimension.when if _scope(one.parent) == scope), default=())
        places[dimension.name] = (*above, index) if above else (scopes.index(scope), index)
    return sorted(found, key=lambda dimension: places[dimension.name])


def _scope(name: str) -> str:
    return name.rpartition(".")[0]


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def values(item: Any) -> list[Any]:
    """All values of a hyperparameter, or the ends of a continuum."""
    if hasattr(item, "min_value") and item.step is None:
        return [item.min_value, item.max_value]
    return list(_searchable(item).values)


def _dimension(item: Any) -> Dimension:
    config, name = item.get_config(), _dotted(item.name)
    if "values" in config:
        values = config["values"]
        return Dimension(name, ", ".join(map(str, values)), item.default, len(values), item=item)
    if "min_value" in config:
        low, high, step = config["min_value"], config["max_value"], config["step"]
        logarithmic = " (logarithmic)" if config.get("sampling") == "log" else ""
        if step is None:
            return Dimension(name, f"{low} to {high}{logarithmic}", item.default, None, item=item)
        count = round((high - low) / step) + 1
        return Dimension(name, f"{low} to {high} by {step}", item.default, count, item=item)
    if type(item).__name__ == "Boolean":
        return Dimension(name, "false, true", item.default, 2, item=item)
    return Dimension(name, str(config["value"]), config["value"], 1, item=item)
