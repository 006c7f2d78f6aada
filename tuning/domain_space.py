"""The search space of a domain on its data."""

from collections.abc import Callable, Mapping
from typing import Any

from keras_tuner import HyperParameters

from suite.blocks.relaxation import Relaxed
from suite.domain import Domain
from suite.notation import dotted
from suite.training import model
from suite.training.data import PreparedData
from tuning import space
from tuning.space import Dimension


def explore(
    domain: Domain,
    prepared: PreparedData,
    fixed: Mapping[str, Any] | None = None,
    new_hyperparameters: Callable[[], HyperParameters] = HyperParameters,
    settled: Mapping[str, Any] | None = None,
) -> list[Dimension]:
    """Every hyperparameter of the domain's network and its training; `fixed` sets some of them. See `space.explore`.

    `settled` are values that new hyperparameters will have; the recipe may depend on them.
    """

    def network(hp: HyperParameters) -> None:
        hp.values.update(fixed or {})
        domain.build(hp, prepared.preprocessing, prepared.head)

    # Each part is explored by itself: no network is built to explore what changes its training.
    values = {**(fixed or {}), **(settled or {})}
    rows, recipe = model.rows_of_epoch(prepared, values), model.recipe_of(domain, prepared, values)
    parts = (network, domain.augmentation, lambda hp: model.declare(hp, recipe, prepared.task, rows))
    return [dimension for part in parts for dimension in space.explore(part, new_hyperparameters)]


def relaxable(domain: Domain, prepared: PreparedData, values: Mapping[str, Any]) -> list[str]:
    """The hyperparameters that a supernet searches where the others have these values, by dotted name."""
    hp = Relaxed(values)
    hp.built(lambda hp: domain.build(hp, prepared.preprocessing, prepared.head))
    return [dotted(name) for name in hp.gates]
