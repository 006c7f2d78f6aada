"""The search space of a domain on its data."""

from collections.abc import Callable, Mapping
from typing import Any

from keras_tuner import HyperParameters

from suite.domain import Domain
from suite.training import model
from suite.training.data import Prepared
from tuning import space
from tuning.space import Dimension


def explore(
    domain: Domain,
    prepared: Prepared,
    fixed: Mapping[str, Any] | None = None,
    make: Callable[[], HyperParameters] = HyperParameters,
) -> list[Dimension]:
    """All that decides on the domain's network and its training, with `fixed` values for some; see `space.explore`."""

    def network(trial: HyperParameters) -> None:
        trial.values.update(fixed or {})
        domain.build(trial, prepared.preprocessing, len(prepared.labels))

    # Each asks for its own: a network need not be built to try what changes its training.
    parts = (network, domain.augmentation, lambda trial: model.declare(trial, domain.recipe))
    return [dimension for part in parts for dimension in space.explore(part, make)]
