"""A domain as KerasTuner sees it: a network to build and to fit for given hyperparameters."""

from collections.abc import Callable
from typing import Any

import keras
import keras_tuner

from suite.domain import Domain
from suite.training import fit
from suite.training.callbacks import Progress, Report
from suite.training.data import Prepared
from suite.training.model import build


class DomainHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
    """Builds the domain's network on prepared data; `report` hears of every trial's progress."""

    def __init__(
        self, domain: Domain, prepared: Prepared, epochs: int, seed: int, report: Callable[[Progress], None]
    ) -> None:
        super().__init__(name=domain.name)
        self._domain = domain
        self._prepared = prepared
        self._epochs = epochs
        self._seed = seed
        self._report = report

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        # Hyperband gives each trial epochs of its own, and the learning rate has to come down within them.
        return build(self._domain, hp, self._prepared, int(hp.values.get("tuner/epochs", self._epochs)))

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *, callbacks: list[Any], epochs: int, **_: Any
    ) -> keras.callbacks.History:
        return fit.run(
            self._domain,
            hp,
            model,
            self._prepared,
            epochs=epochs,
            seed=self._seed,
            callbacks=[*callbacks, Report(self._report, self._domain.objective)],
        )[0]
