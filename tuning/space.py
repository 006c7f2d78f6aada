"""Search spaces: which hyperparameters there are, when each exists, and how many networks that makes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from keras_tuner import HyperParameters
from keras_tuner.engine.hyperparameters import Choice
from keras_tuner.src.engine.conditions import Parent

from suite.blocks.choice import plain_choices
from suite.errors import UsageError
from suite.notation import dotted, slashed
from suite.search_record import Condition, DimensionRecord
from tuning.hyperparameter_kinds import DECIMALS, all_values, is_boolean, is_continuous, is_float

UNSET = object()


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter: its `range` for people, and how many `values` it has (None: a continuous range).

    It exists if all conditions in `when` hold. `item` is KerasTuner's own hyperparameter, as it was declared.
    """

    name: str
    range: str
    default: Any
    values: int | None
    when: tuple[Condition, ...] = ()
    item: Any = field(default=None, repr=False, compare=False)

    def record(self) -> DimensionRecord:
        """The dimension as a card holds it."""
        config = self.item.get_config()
        values = None if self.values is None else tuple(all_values(self.item))
        low, high = config.get("min_value"), config.get("max_value")
        return DimensionRecord(
            self.name, self.range, values, low, high, config.get("sampling") == "log", self.when
        )  # fmt: skip


def dimensions(hp: HyperParameters) -> list[Dimension]:
    """The hyperparameters declared on `hp`, in order; those with one value are left out."""
    declared = [_dimension(item) for item in hp.space]
    return [dimension for dimension in declared if dimension.values != 1]


def explore(
    declare: Callable[[HyperParameters], Any], new_hyperparameters: Callable[[], HyperParameters] = HyperParameters
) -> list[Dimension]:
    """Every hyperparameter that `declare` can declare, by scope, with the conditions under which it exists.

    `declare` is called with the defaults and then with each value of each hyperparameter, one at a time; and again
    where a value brings new hyperparameters. A hyperparameter that needs two others to differ from their defaults at
    once is not found. A value that `declare` refuses (UsageError) counts as one that changes nothing. Fixed
    hyperparameters are listed, with one value. `new_hyperparameters` makes the object to declare on.
    """
    explorer = _Explorer(declare, new_hyperparameters)
    first = explorer.declared({}) or {}
    explorer.visit({}, first, first)
    return _sorted_by_scope(explorer.dimensions)


def to_hyperparameters(dimensions: Iterable[Dimension]) -> HyperParameters:
    """The space as KerasTuner's oracles take it: with conditions, and parents before the dimensions that need them."""
    hp = HyperParameters()
    waiting, placed = list(dimensions), set()
    while waiting:
        dimension = next(one for one in waiting if all(condition.parent in placed for condition in one.when))
        waiting.remove(dimension)
        placed.add(dimension.name)
        item = _searchable(dimension.item)
        item.conditions = [Parent(slashed(one.parent), list(one.values)) for one in dimension.when]
        hp.merge([item])
    return hp


def _searchable(item: Any) -> Any:
    """A copy; a float with a step becomes a choice, since KerasTuner's steps end in rounding noise, often too soon."""
    if not is_float(item) or item.step is None:
        return type(item).from_config(item.get_config())
    return Choice(item.name, all_values(item), default=round(item.default, DECIMALS))


def size(dimensions: Iterable[Dimension]) -> tuple[int, int]:
    """How many combinations the countable dimensions make, and how many dimensions are continuous.

    A dimension multiplies only the combinations in which it exists.
    """
    dimensions = list(dimensions)
    parents = {condition.parent for dimension in dimensions for condition in dimension.when}
    switches = [dimension for dimension in dimensions if dimension.name in parents]
    rest = [dimension for dimension in dimensions if dimension.name not in parents]
    return _combinations(switches, rest, {}), sum(dimension.values is None for dimension in dimensions)


def describe_size(dimensions: Iterable[Dimension]) -> str:
    """The size in a phrase."""
    dimensions = [dimension for dimension in dimensions if dimension.values != 1]
    combinations, continuous = size(dimensions)
    count = f"{combinations:,}" if combinations < 1_000_000 else f"{combinations:.1e}".replace("e+", "e")
    more = f", times {continuous} that can be any number in a range" if continuous else ""
    return f"{len(dimensions)} hyperparameters, {count} combinations{more}"


class _Explorer:
    """Calls `declare` with one value after another and collects the hyperparameters that it declares."""

    def __init__(
        self, declare: Callable[[HyperParameters], Any], new_hyperparameters: Callable[[], HyperParameters]
    ) -> None:
        self._declare, self._new_hyperparameters = declare, new_hyperparameters
        self._dimensions: dict[str, Dimension] = {}
        self._conditions: dict[str, list[Condition]] = {}
        # Hyperparameters whose values declare the same others, by their own word.
        self._plain: set[str] = set()

    @property
    def dimensions(self) -> list[Dimension]:
        """All dimensions; parents come before the dimensions that need them."""
        return [replace(one, when=self._own_conditions(name)) for name, one in self._dimensions.items()]

    def _own_conditions(self, name: str) -> tuple[Condition, ...]:
        """A dimension's conditions without those that its parents have too."""
        own = self._conditions.get(name, [])
        implied = {condition for parent in own for condition in self._conditions.get(parent.parent, [])}
        return tuple(condition for condition in own if condition not in implied)

    def declared(self, values: dict[str, Any]) -> dict[str, Any] | None:
        """The hyperparameters declared with these values, by name; None if the values are refused."""
        hp = self._new_hyperparameters()
        hp.values.update(values)
        try:
            self._declare(hp)
        except UsageError:
            return None
        self._plain |= plain_choices(hp)
        return {item.name: item for item in hp.space}

    def visit(self, context: dict[str, Any], items: dict[str, Any], here: dict[str, Any]) -> None:
        """Try each value of `items`, which exist if the values of `context` are set; `here` is all that exists then."""
        for item in items.values():
            self._dimensions.setdefault(dotted(item.name), _dimension(item))
        for item in items.values():
            by_value = self._declared_by_value(context, item, here)
            self._add_conditions(item, by_value, items)
            for value, declared in by_value.items():
                new = {name: one for name, one in declared.items() if dotted(name) not in self._dimensions}
                if new:
                    inner = {**context, item.name: value}
                    self.visit(inner, new, self.declared(inner) or {})

    def _declared_by_value(
        self, context: dict[str, Any], item: Any, here: dict[str, Any]
    ) -> dict[Any, dict[str, Any]]:  # fmt: skip
        """What is declared with each value of `item`; of a range, only its ends if those declare nothing new."""
        if item.name in self._plain:
            return {}
        # Some defaults follow from other values: only what follows from this item itself may differ.
        pinned = {name: other.default for name, other in here.items()} | context

        def declare_with(values: Iterable[Any]) -> dict[Any, dict[str, Any]]:
            by_value = {}
            for value in values:
                declared = here if value == item.default else self.declared({**pinned, item.name: value})
                by_value[value] = here if declared is None else declared
            return by_value

        values = [item.min_value, item.max_value] if is_continuous(item) else all_values(item)
        if any(isinstance(value, (str, bool)) for value in values):
            return declare_with(values)
        ends = declare_with(dict.fromkeys([values[0], values[-1]]))
        return ends if all(set(declared) == set(here) for declared in ends.values()) else declare_with(values)

    def _add_conditions(self, parent: Any, by_value: dict[Any, dict[str, Any]], items: dict[str, Any]) -> None:
        """Note which of `items`, and of what is new, exist with some values of `parent` only."""
        for name in dict.fromkeys(name for declared in by_value.values() for name in declared):
            active = tuple(value for value, declared in by_value.items() if name in declared)
            if len(active) < len(by_value) and (name in items or dotted(name) not in self._dimensions):
                self._conditions.setdefault(dotted(name), []).append(Condition(dotted(parent.name), active))


def _combinations(switches: list[Dimension], rest: list[Dimension], chosen: dict[str, Any]) -> int:
    """How many combinations there are with `chosen` values; `switches` are dimensions that others depend on."""
    if not switches:
        return prod(dimension.values or 1 for dimension in rest if _exists(dimension, chosen))
    switch, *others = switches
    if not _exists(switch, chosen):
        return _combinations(others, rest, chosen)
    conditions = [
        condition.values
        for dimension in [*others, *rest]
        for condition in dimension.when
        if condition.parent == switch.name
    ]
    # Values with the same consequences are counted once and multiplied.
    alike: dict[tuple[bool, ...], list[Any]] = {}
    for value in dict.fromkeys(value for values in conditions for value in values):
        alike.setdefault(tuple(value in values for values in conditions), []).append(value)
    groups = [(values[0], len(values)) for values in alike.values()]
    groups.append((UNSET, (switch.values or 1) - sum(count for _, count in groups)))
    return sum(
        count * _combinations(others, rest, {**chosen, switch.name: value}) for value, count in groups if count > 0
    )


def _exists(dimension: Dimension, chosen: dict[str, Any]) -> bool:
    return all(chosen.get(condition.parent, UNSET) in condition.values for condition in dimension.when)


def _sorted_by_scope(dimensions: list[Dimension]) -> list[Dimension]:
    """Scope by scope; within a scope, a dimension follows the one that it depends on."""
    scopes = list(dict.fromkeys(_scope(dimension.name) for dimension in dimensions))
    keys: dict[str, tuple[int, ...]] = {}
    for index, dimension in enumerate(dimensions):
        scope = _scope(dimension.name)
        parent = max((keys[one.parent] for one in dimension.when if _scope(one.parent) == scope), default=())
        keys[dimension.name] = (*parent, index) if parent else (scopes.index(scope), index)
    return sorted(dimensions, key=lambda dimension: keys[dimension.name])


def _scope(name: str) -> str:
    return name.rpartition(".")[0]


def _dimension(item: Any) -> Dimension:
    config, name = item.get_config(), dotted(item.name)
    count = None if is_continuous(item) else len(all_values(item))
    if "min_value" in config:
        logarithmic = " (logarithmic)" if config.get("sampling") == "log" else ""
        step = "" if config["step"] is None else f" by {config['step']}"
        return Dimension(
            name, f"{config['min_value']} to {config['max_value']}{step or logarithmic}", item.default, count, item=item
        )
    if "values" in config:
        return Dimension(name, ", ".join(map(str, config["values"])), item.default, count, item=item)
    if is_boolean(item):
        return Dimension(name, "false, true", item.default, count, item=item)
    return Dimension(name, str(config["value"]), config["value"], count, item=item)
