"""KerasTuner's hyperparameters as Optuna knows them."""

from typing import Any

import optuna
from optuna import distributions

from tuning.hyperparameter_kinds import all_values, is_continuous, is_integer, is_ordered


class Encoding:
    """A hyperparameter's distribution in a study; ordered values that are no linear integers are coded by their index.

    `display_distribution` is that of the values themselves.
    """

    def __init__(self, item: Any) -> None:
        self._name, self._values = item.name, None
        self.ordered = is_ordered(item)
        if is_continuous(item):
            low, high, log = item.min_value, item.max_value, item.sampling == "log"
            self.distribution = self.display_distribution = distributions.FloatDistribution(low, high, log=log)
            return
        values = all_values(item)
        if not self.ordered:
            self.distribution = distributions.CategoricalDistribution(values)
        elif is_integer(item) and item.sampling == "linear":
            self.distribution = distributions.IntDistribution(values[0], values[-1], step=item.step)
        else:
            self.distribution = distributions.IntDistribution(0, len(values) - 1)
            self._values = values
        by_index = self._values is not None
        self.display_distribution = distributions.CategoricalDistribution(values) if by_index else self.distribution

    def ask(self, trial: "optuna.Trial") -> Any:
        """The hyperparameter's value in a trial."""
        one = self.distribution
        if isinstance(one, distributions.CategoricalDistribution):
            return trial.suggest_categorical(self._name, one.choices)
        if isinstance(one, distributions.FloatDistribution):
            return trial.suggest_float(self._name, one.low, one.high, log=one.log)
        number = trial.suggest_int(self._name, one.low, one.high, step=one.step)
        return number if self._values is None else self._values[number]

    def encode(self, value: Any) -> Any:
        """A value as the study holds it."""
        return value if self._values is None else self._values.index(value)
