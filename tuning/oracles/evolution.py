"""Regularised evolution: a population in which the oldest member dies, not the worst."""

from itertools import islice
from typing import Any

from tuning.oracles.base import RUNNING, BaseOracle, Suggestion, population_size
from tuning.oracles.options import OracleOptions

# The tournament's size as a share of the population; members are drawn with repetition.
TOURNAMENT_SHARE = 1.0


class Evolution(BaseOracle):
    """The best of some members drawn at random has a child that differs in one hyperparameter (Real et al. 2019).

    The population is the latest completed trials. While it is too small, configurations are random.
    """

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options)
        self._size = population_size(options.trials)

    def suggest(self, trial_id: str) -> Suggestion:
        ended = (self.trials[trial] for trial in reversed(self.end_order))
        population = list(islice((trial for trial in ended if trial.status == "COMPLETED"), self._size))
        if len(population) + len(self.ongoing_trials) < self._size or not population:
            return self.random_suggestion()
        random = self.random(2)
        drawn = random.choice(len(population), max(2, round(TOURNAMENT_SHARE * len(population))))
        sign = 1 if self.objective.direction == "max" else -1
        parent = max((population[index] for index in drawn), key=lambda trial: sign * trial.score)
        child = self.untried_neighbour(parent.hyperparameters.values, random)
        return self.random_suggestion() if child is None else {"status": RUNNING, "values": child}
