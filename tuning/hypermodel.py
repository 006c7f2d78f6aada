"""A domain as KerasTuner sees it: a network to build and to fit for given hyperparameters."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import keras_tuner

from suite.domain import Domain
from suite.errors import UsageError
from suite.training import fit
from suite.training.callbacks import Progress, Report
from suite.training.data import Prepared
from suite.training.fit import Settings
from suite.training.model import build


class DomainHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
    """Builds the domain's network on prepared data; `report` hears of every trial's progress.

    `infeasible` says why the last network could not be built, None where it could.
    """

    def __init__(
        self, domain: Domain, prepared: Prepared, settings: Settings, report: Callable[[Progress], None]
    ) -> None:
        super().__init__(name=domain.name)
        self._domain = domain
        self._prepared = prepared
        self._settings = settings
        self._report = report
        self.infeasible: str | None = None

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        # Hyperband gives each trial epochs of its own, and the learning rate has to come down within them.
        epochs = int(hp.values.get("tuner/epochs", self._settings.epochs))
        self.infeasible = None
        try:
            return build(self._domain, hp, self._prepared, epochs)
        except UsageError as error:
            self.infeasible = str(error)
            raise keras_tuner.errors.FailedTrialError(str(error)) from error

    def asked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Those of `values` that a network with them asks for; all where it cannot be built.

        KerasTuner draws a value for whatever another trial has asked for, such as the depth of another trunk.
        """
        hp = keras_tuner.HyperParameters()
        hp.values.update(values)
        try:
            build(self._domain, hp, self._prepared, 1)
        except UsageError:
            return values
        names = {item.name for item in hp.space}
        return {name: value for name, value in values.items() if name in names}

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *, callbacks: list[Any], epochs: int, **_: Any
    ) -> keras.callbacks.History:
        settings = replace(self._settings, epochs=epochs)
        watching = [*callbacks, Report(self._report, settings.objective)]
        fit.run(self._domain, hp, model, self._prepared, settings, callbacks=watching)
        return model.history
