"""KerasTuner's own oracles: random, grid, Bayesian."""

import warnings
from typing import Any

import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.oracles.distinct import RUNNING, STOPPED, Answer, Distinct, combinations, every_value, is_continuum
from tuning.strategies import Options
from tuning.trial import Values

# Of the trials of a search, how many the Gaussian process may see before it speaks: KerasTuner's own three a dimension
# are more than most searches have.
INITIAL, INITIAL_SHARE = 5, 4
CANDIDATES = 500


class Random(Distinct, oracles.RandomSearchOracle):  # type: ignore[misc]
    """Values drawn at random."""


class Grid(Distinct):
    """Every combination in order, the defaults first; of a continuum, the default and ten values.

    KerasTuner's own waits for a trial to end before it says what comes after: its space may grow, ours is known.
    """

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        super().__init__(space, objectives, options)
        self._order = combinations(self.hyperparameters.space, _default_first)

    def suggest(self, trial_id: str) -> Answer:
        for values in self._order:
            if not self._duplicate(values):
                return {"status": RUNNING, "values": values}
        return {"status": STOPPED, "values": None}


def _default_first(item: HyperParameter) -> list[Any]:
    values = sorted(item.values) if is_continuum(item) else every_value(item)
    return [item.default, *(value for value in values if value != item.default)]


class Bayesian(Distinct, oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """A Gaussian process predicts the objective; what has the best upper confidence bound is next.

    Of candidates drawn at random and neighbours of the best: an optimum between them may be no configuration at all,
    or one that was tried.
    """

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        super().__init__(space, objectives, options)
        wanted = min(3 * len(self._nonfixed_space()), (options.trials or 0) // INITIAL_SHARE)
        self.num_initial_points = max(wanted, INITIAL)
        self.gpr.random_state = self.seed
        self.gpr.n_restarts_optimizer = 2

    def suggest(self, trial_id: str) -> Answer:
        completed = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        if len(completed) < self.num_initial_points:
            return self.untried()
        x, y = self._vectorize_trials()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn tells of length scales at their bounds
            self.gpr.fit(x, y)
        candidates = self._candidates(completed)
        if not candidates:
            return self.untried()
        mean, deviation = self.gpr.predict(np.stack([self._vector(values) for values in candidates]), return_std=True)
        return {"status": RUNNING, "values": candidates[int(np.argmin(mean - self.beta * deviation))]}

    def _candidates(self, completed: list[Any]) -> list[Values]:
        random = self.random(2)
        best = sorted(completed, key=lambda trial: trial.score, reverse=self.objective.direction == "max")[:5]
        drawn = [self.draw(random) for _ in range(CANDIDATES)]
        for trial in best:
            values = trial.hyperparameters.values
            drawn += [self.mutated(values, random) for _ in range(CANDIDATES // len(best))]
        return [values for values in drawn if not self._duplicate(values)]

    def _vectorize_trials(self) -> tuple[np.ndarray, np.ndarray]:
        trials = list(self.trials.values())
        sign = -1.0 if self.objective.direction == "max" else 1.0
        scores = [sign * trial.score for trial in trials if trial.status == "COMPLETED"]
        # What is still running is taken for the worst, so that another worker looks elsewhere; so is what failed.
        y = [sign * trial.score if trial.status == "COMPLETED" else max(scores) for trial in trials]
        return np.stack([self._vector(trial.hyperparameters.values) for trial in trials]), np.array(y)

    def _vector(self, values: Values) -> np.ndarray:
        """A place in the unit cube; choices without an order have an axis a value."""
        axes: list[float] = []
        for item in self._nonfixed_space():
            value = values.get(item.name, item.default)
            if type(item).__name__ == "Choice" and not item.ordered:
                axes += [float(value == one) for one in item.values]
            else:
                axes.append(item.value_to_prob(value))
        return np.array(axes)
