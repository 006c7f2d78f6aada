"""Operations that a hyperparameter chooses: only the chosen one in a network, all of them in a supernet.

A supernet holds all networks of a space at once. What chooses in it is a gate: either it opens one path at a time
(Guo et al. 2020), or it mixes all paths with weights that are learned (Liu et al. 2019). The gates' positions are
ordinary values of hyperparameters, with which the network is built by itself; layers have the same names there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import keras
from keras import layers, ops
from keras_tuner import HyperParameters

from suite.errors import UsageError

# From a tensor, or a structure of tensors, and the operation's own arguments to a tensor.
Operation = Callable[..., Any]
# From the values of some hyperparameters by name to those that stand for them, by the same names in the same order.
Canonical = Callable[[Mapping[str, Any]], dict[str, Any]]
NEVER = -1e9


class Selector(Protocol):
    """What decides between the branches of a layer: a number, or a weight for each where the supernet is soft."""

    @property
    def soft(self) -> bool: ...

    def position(self) -> Any:
        """The number of the open branch, int32 ()."""

    def weights(self) -> Any:
        """The weight of each branch, float32 (branches,)."""


class Gate:
    """A hyperparameter's place in a supernet: the position of one of its options, or the logits of their weights.

    `barred` is added to the logits: NEVER for options that no longer take part.
    """

    def __init__(self, options: Sequence[Any], soft: bool) -> None:
        self.options, self.soft = list(options), soft
        self.open = keras.Variable(0, dtype="int32", trainable=False, name="open")
        self.logits = keras.Variable([0.0] * len(self.options), dtype="float32", name="logits")
        self.barred = keras.Variable([0.0] * len(self.options), dtype="float32", trainable=False, name="barred")

    def position(self) -> Any:
        return self.open.value

    def weights(self) -> Any:
        return ops.softmax(self.logits.value + self.barred.value)

    @property
    def value(self) -> Any:
        """The option that is open."""
        return self.options[int(self.open.numpy())]

    def set(self, value: Any) -> None:
        """Open an option."""
        self.open.assign(self.options.index(value))

    def bar(self, positions: Sequence[int]) -> None:
        """Leave these options out of the mixture, and no others."""
        self.barred.assign([NEVER if position in positions else 0.0 for position in range(len(self.options))])

    def at_least(self, value: int) -> "_AtLeast":
        """Whether the open option is at least this: the second of two branches."""
        return _AtLeast(self, value)


@dataclass(frozen=True)
class _AtLeast:
    """Chooses the second of two branches where a gate's option is at least `value`."""

    gate: Gate
    value: int

    @property
    def soft(self) -> bool:
        return self.gate.soft

    def position(self) -> Any:
        first = next(number for number, option in enumerate(self.gate.options) if option >= self.value)
        return ops.cast(self.gate.position() >= first, "int32")

    def weights(self) -> Any:
        """The chance of this depth among those that reach the one before it: products of them are the depths' own."""
        every = self.gate.weights()
        reached = sum(every[number] for number, option in enumerate(self.gate.options) if option >= self.value - 1)
        beyond = sum(every[number] for number, option in enumerate(self.gate.options) if option >= self.value)
        share = beyond / ops.maximum(reached, 1e-9)
        return ops.stack([1 - share, share])


@dataclass(frozen=True)
class Owned:
    """Variables that are in use only where `selector` opens branch number `branch`."""

    variables: list[Any]
    selector: Selector
    branch: int


class Relaxed(HyperParameters):  # type: ignore[misc]
    """Hyperparameters of a supernet: it has a gate for each one that chooses between operations of one shape.

    All others have the value in `values`, or their default. `allowed` restricts the options, by whole name. An option
    that cannot be built, or that answers in another shape than the value does, is left out (`left_out`): what chooses
    it stays with searches that try one network after another.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        allowed: Mapping[str, Sequence[Any]] | None = None,
        *,
        soft: bool = False,
    ) -> None:
        super().__init__()
        self.given, self.allowed, self.soft = dict(values or {}), dict(allowed or {}), soft
        self.left_out: dict[str, set[Any]] = {}
        self.gates: dict[str, Gate] = {}
        self.owned: list[Owned] = []
        self.equalities: dict[tuple[str, ...], Canonical] = {}
        self.count = 0
        self.values.update(self.given)

    def built(self, build: Callable[["Relaxed"], Any]) -> Any:
        """What `build` makes of these hyperparameters, again where an option turned out to be none for all places."""
        while True:
            known = sum(map(len, self.left_out.values()))
            self.gates, self.owned, self.count = {}, [], 0
            result = build(self)
            if sum(map(len, self.left_out.values())) == known:
                return result

    def options(self, name: str, every: Sequence[Any], default: Any) -> list[Any]:
        """The options of a hyperparameter, first the one that it has where it is not searched."""
        full = self._get_name(name)
        value, left_out = self.given.get(full, default), self.left_out.get(full, set())
        allowed = [one for one in every if one in self.allowed.get(full, every) and one not in left_out]
        return [value, *(one for one in allowed if one != value)]

    def gate(self, name: str, options: Sequence[Any]) -> Gate:
        """The gate of a hyperparameter, one for all places that ask for it."""
        return self.gates.setdefault(self._get_name(name), Gate(options, self.soft))

    def equate(self, names: Sequence[str], canonical: Canonical) -> None:
        """Note that networks are equal if `canonical` makes the same of their values by these names."""
        self.equalities[tuple(map(self._get_name, names))] = lambda values: canonical(
            dict(zip(names, values.values(), strict=True))
        )

    def canonical(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that stand for all equal networks."""
        result = dict(values)
        for names, canonical in self.equalities.items():
            found = canonical({name: result[name] for name in names})
            result |= dict(zip(names, found.values(), strict=True))
        return result

    def leave_out(self, name: str, option: Any) -> None:
        """Note that an option is none for a supernet."""
        self.left_out.setdefault(self._get_name(name), set()).add(option)


def choice(
    hp: HyperParameters,
    name: str,
    operations: Mapping[str, Operation],
    default: str | None = None,
    *,
    plain: bool = False,
) -> Operation:
    """The operation that hyperparameter `name` chooses; in a supernet, all operations behind its gate.

    Operations take a tensor, or a structure of tensors, and further arguments that are no tensors. In a supernet they
    must answer in one shape. With `plain`, none of them declares hyperparameters of its own: who explores a space need
    not build them all.
    """
    if plain:
        plain_choices(hp).add(hp._get_name(name))
    if isinstance(hp, Relaxed):
        return partial(_mix, hp, name, operations, default or next(iter(operations)))
    return operations[hp.Choice(name, list(operations), default=default)]


def plain_choices(hyperparameters: HyperParameters) -> set[str]:
    """The names of the hyperparameters whose values bring no others."""
    names: set[str] = hyperparameters.__dict__.setdefault("plain_choices", set())
    return names


def repeat(
    hp: HyperParameters,
    x: keras.KerasTensor,
    name: str,
    counts: range,
    default: int,
    block: Callable[[keras.KerasTensor, int], keras.KerasTensor],
) -> keras.KerasTensor:
    """`block(x, number)` as many times as hyperparameter `name` says, of `counts`.

    In a supernet, the first blocks are those of all depths (Cai et al. 2020).
    """
    if not isinstance(hp, Relaxed):
        for number in range(hp.Int(name, counts[0], counts[-1], default=default)):
            x = block(x, number)
        return x
    value, *others = hp.options(name, counts, default)
    options = sorted([value, *others])
    for number in range(options[-1]):
        if number < options[0]:
            x = block(x, number)
            continue
        branches = [_branch(x, lambda inner: inner), _branch(x, partial(_swapped, block, number))]
        if _shape(branches[0]) == _shape(branches[1]):
            x = _mixed(hp, x, branches, hp.gate(name, options).at_least(number + 1), name)
            continue
        # A block that changes the shape is in all networks of the supernet, or in none.
        for option in others:
            if (option > number) != (value > number):
                hp.leave_out(name, option)
        if value <= number:
            return x
        x = block(x, number)
    return x


def _swapped(block: Callable[[Any, int], Any], number: int, x: Any) -> Any:
    return block(x, number)


def _mix(
    hp: Relaxed, name: str, operations: Mapping[str, Operation], default: str, x: Any, *arguments: Any
) -> keras.KerasTensor:
    """All operations of one shape side by side."""
    branches: dict[str, keras.Model] = {}
    for option in hp.options(name, list(operations), default):
        branch = _branch_if_feasible(x, operations[option], arguments)
        if branch is not None and _shape(branch) == _shape(next(iter(branches.values()), branch)):
            branches[option] = branch
        elif not branches:
            return operations[option](x, *arguments)  # what is built by default cannot be: it says why
        else:
            hp.leave_out(name, option)
    if len(branches) == 1:
        return operations[next(iter(branches))](x, *arguments)
    gate = hp.gate(name, list(branches))
    # Where another place knows other options, all places are built again with those that all know.
    for option in set(branches) ^ set(gate.options):
        hp.leave_out(name, option)
    return _mixed(hp, x, list(branches.values()), gate, name)


def _branch_if_feasible(x: Any, operation: Operation, arguments: tuple[Any, ...]) -> keras.Model | None:
    try:
        return _branch(x, lambda inner: operation(inner, *arguments))
    except UsageError:
        return None


def _branch(x: Any, operation: Operation) -> keras.Model:
    """An operation as a network by itself."""
    inner = keras.tree.map_structure(lambda one: keras.Input(one.shape[1:], dtype=one.dtype), x)
    answer = operation(inner)
    return keras.Model(inner, layers.Identity()(answer) if answer is inner else answer)


def _shape(branch: keras.Model) -> tuple[Any, ...]:
    return (*branch.output.shape, branch.output.dtype)


def _mixed(hp: Relaxed, x: Any, branches: list[keras.Model], selector: Selector, name: str) -> keras.KerasTensor:
    for number, branch in enumerate(branches):
        if branch.trainable_variables:
            hp.owned.append(Owned(branch.trainable_variables, selector, number))
    hp.count += 1
    label = hp._get_name(name).replace("/", "_")
    return _Mixed(branches, selector, name=f"{label}_mixed_{hp.count}")(x)


class _Mixed(layers.Layer):  # type: ignore[misc]
    """The answer of the branch that `selector` opens, or the weighted sum of all branches' answers."""

    def __init__(self, branches: list[keras.Model], selector: Selector, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.branches, self.selector = branches, selector

    def build(self, *shapes: Any) -> None:
        """Do nothing: the branches are built."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        if self.selector.soft:
            weights = self.selector.weights()
            answers = [branch(x, training=training) for branch in self.branches]
            return sum(ops.cast(weights[number], one.dtype) * one for number, one in enumerate(answers))
        return ops.switch(self.selector.position(), [partial(branch, x, training=training) for branch in self.branches])

    def compute_output_spec(self, x: Any, training: bool | None = None) -> Any:
        output = self.branches[0].output
        return keras.KerasTensor((keras.tree.flatten(x)[0].shape[0], *output.shape[1:]), output.dtype)


def layers_of(model: keras.Model, *, open_only: bool = False) -> Iterator[layers.Layer]:
    """All layers of a supernet in all branches, or in the open ones only."""
    for layer in model.layers:
        if isinstance(layer, _Mixed):
            branches = [layer.branches[int(layer.selector.position())]] if open_only else layer.branches
            for branch in branches:
                yield from layers_of(branch, open_only=open_only)
        else:
            yield layer
