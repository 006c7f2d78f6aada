"""Hyperparameters of a supernet: gates in the place of those that choose between operations.

A supernet holds all networks of a space at once. A gate either opens one path at a time (Guo et al. 2020), or mixes
all paths with weights that are learned (Liu et al. 2019). The gates' positions are ordinary values of hyperparameters,
with which the network is built by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
from keras import ops
from keras_tuner import HyperParameters

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

    def whole(self, name: str) -> str:
        """A hyperparameter's name with those of the scopes that it is in."""
        return str(self._get_name(name))

    def built(self, build: Callable[["Relaxed"], Any]) -> Any:
        """What `build` makes of these hyperparameters, again where an option turned out to be none for all places."""
        while True:
            known = sum(map(len, self.left_out.values()))
            self.gates, self.owned, self.count = {}, [], 0
            result = build(self)
            if sum(map(len, self.left_out.values())) == known:
                return result

    def options(self, name: str, every: Sequence[Any], default: Any) -> list[Any]:
        """The options of a hyperparameter by its whole name, first the one that it has where it is not searched."""
        value, left_out = self.given.get(name, default), self.left_out.get(name, set())
        allowed = [one for one in every if one in self.allowed.get(name, every) and one not in left_out]
        return [value, *(one for one in allowed if one != value)]

    def gate(self, name: str, options: Sequence[Any]) -> Gate:
        """The gate of a hyperparameter by its whole name, one for all places that ask for it."""
        return self.gates.setdefault(name, Gate(options, self.soft))

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
        self.left_out.setdefault(name, set()).add(option)
