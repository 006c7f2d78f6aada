"""Regularised evolution: a population in which the oldest dies, not the worst."""

from itertools import islice
from typing import Any

from tuning.oracles.distinct import RUNNING, Answer, Distinct, population
from tuning.strategies import Options

# Draws from the population, with repetition, for each of its members; the best drawn becomes a parent.
TOURNAMENT = 1.0


class Evolution(Distinct):
    """The best of some drawn from the population has a child that differs in one hyperparameter (Real et al. 2019).

    The population is what was completed last; before there are enough, configurations are drawn at random.
    """

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        super().__init__(space, objectives, options)
        self._size = population(options.trials)

    def suggest(self, trial_id: str) -> Answer:
        ended = (self.trials[trial] for trial in reversed(self.end_order))
        alive = list(islice((trial for trial in ended if trial.status == "COMPLETED"), self._size))
        if len(alive) + len(self.ongoing_trials) < self._size or not alive:
            return self.untried()
        random = self.random(2)
        drawn = random.choice(len(alive), max(2, round(TOURNAMENT * len(alive))))
        sign = 1 if self.objective.direction == "max" else -1
        parent = max((alive[index] for index in drawn), key=lambda trial: sign * trial.score)
        child = self.neighbour(parent.hyperparameters.values, random)
        return self.untried() if child is None else {"status": RUNNING, "values": child}
