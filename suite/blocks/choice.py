"""Operations that a hyperparameter chooses: only the chosen one in a network, all of them in a supernet.

Layers have the same names in both, so that a network by itself can have the weights of the supernet.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import keras
from keras import layers, ops
from keras_tuner import HyperParameters

from suite.blocks.relaxation import Owned, Relaxed, Selector
from suite.errors import UsageError

# From a tensor, or a structure of tensors, and the operation's own arguments to a tensor.
Operation = Callable[..., Any]


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
        return partial(_mix, hp, hp.whole(name), operations, default or next(iter(operations)))
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
    name = hp.whole(name)
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
    label = name.replace("/", "_")
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

    def get_config(self) -> dict[str, Any]:
        """How many branches there are: a supernet is described, but never saved."""
        return {**super().get_config(), "branches": len(self.branches)}

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
