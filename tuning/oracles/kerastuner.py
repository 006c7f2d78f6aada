"""KerasTuner's own oracles: random, grid and Bayesian search."""

import warnings
from itertools import chain
from typing import Any

import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.hyperparameters import Choice, HyperParameter

from tuning.hyperparameter_kinds import all_values, configurations, is_continuous
from tuning.oracles.base import RUNNING, STOPPED, BaseOracle, Suggestion
from tuning.oracles.options import OracleOptions
from tuning.task import Values

# The Gaussian process is asked after this share of the trials. KerasTuner's own three trials for each dimension are
# more than most searches have.
MIN_INITIAL_TRIALS, INITIAL_TRIALS_SHARE = 5, 1 / 4
CANDIDATES = 500
PARENTS = 5


class Random(BaseOracle, oracles.RandomSearchOracle):  # type: ignore[misc]
    """Values drawn at random."""


class Grid(BaseOracle):
    """Every combination in order, the defaults first; of a continuous range, the default and ten values.

    KerasTuner's own grid waits for a trial to end before it names the next one, since its space may grow.
    """

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options)
        self._order = configurations(self.hyperparameters.space, _default_first)

    def suggest(self, trial_id: str) -> Suggestion:
        for values in chain(self.starts, self._order):
            if not self._duplicate(values):
                return {"status": RUNNING, "values": values}
        return {"status": STOPPED, "values": None}


def _default_first(item: HyperParameter) -> list[Any]:
    values = sorted(item.values) if is_continuous(item) else all_values(item)
    return [item.default, *(value for value in values if value != item.default)]


class Bayesian(BaseOracle, oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """A Gaussian process predicts the objective; the candidate with the best upper confidence bound is next.

    Candidates are random configurations and neighbours of the best trials: an optimum in between might be no valid
    configuration, or one that was tried before.
    """

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options)
        wanted = min(3 * len(self._nonfixed_space()), int((options.trials or 0) * INITIAL_TRIALS_SHARE))
        self.num_initial_points = max(wanted, MIN_INITIAL_TRIALS)
        self.gpr.random_state = self.seed
        self.gpr.n_restarts_optimizer = 2

    def suggest(self, trial_id: str) -> Suggestion:
        completed = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        if len(completed) < self.num_initial_points:
            return self.random_suggestion()
        x, y = self._vectorize_trials()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of length scales at their bounds
            self.gpr.fit(x, y)
        candidates = self._candidates(completed)
        if not candidates:
            return self.random_suggestion()
        mean, deviation = self.gpr.predict(np.stack([self._vector(values) for values in candidates]), return_std=True)
        return {"status": RUNNING, "values": candidates[int(np.argmin(mean - self.beta * deviation))]}

    def _candidates(self, completed: list[Any]) -> list[Values]:
        """Untried configurations."""
        random = self.random(2)
        best = sorted(completed, key=lambda trial: trial.score, reverse=self.objective.direction == "max")[:PARENTS]
        candidates = [self.draw(random) for _ in range(CANDIDATES)]
        for trial in best:
            values = trial.hyperparameters.values
            candidates += [self.mutate(values, random) for _ in range(CANDIDATES // len(best))]
        return [values for values in candidates if not self._duplicate(values)]

    def _vectorize_trials(self) -> tuple[np.ndarray, np.ndarray]:
        trials = list(self.trials.values())
        sign = -1.0 if self.objective.direction == "max" else 1.0
        scores = [sign * trial.score for trial in trials if trial.status == "COMPLETED"]
        # Running trials get the worst score, so that another worker looks elsewhere; so do failed trials.
        y = [sign * trial.score if trial.status == "COMPLETED" else max(scores) for trial in trials]
        return np.stack([self._vector(trial.hyperparameters.values) for trial in trials]), np.array(y)

    def _vector(self, values: Values) -> np.ndarray:
        """A point in the unit cube; a choice without order has an axis for each value."""
        axes: list[float] = []
        for item in self._nonfixed_space():
            value = values.get(item.name, item.default)
            if isinstance(item, Choice) and not item.ordered:
                axes += [float(value == one) for one in item.values]
            else:
                axes.append(item.value_to_prob(value))
        return np.array(axes)
