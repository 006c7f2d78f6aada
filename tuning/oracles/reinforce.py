"""Reinforcement learning: a recurrent controller writes configurations and is rewarded for good ones."""

from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.controller import Controller
from tuning.hyperparameter_kinds import all_values, is_active, is_continuous, is_integer
from tuning.oracles.base import RUNNING, BaseOracle, Suggestion
from tuning.oracles.options import OracleOptions
from tuning.task import Values

# For numbers with more values than this, the controller chooses one of this many parts of the range.
BINS = 10
ATTEMPTS = 20


class Reinforce(BaseOracle):
    """An LSTM chooses the value of one hyperparameter after another, as far as they exist (Zoph & Le 2017).

    Each finished trial makes its choices more or less likely, by how much its score beats the moving average of those
    before it (REINFORCE). After a restart the controller learns from the recorded trials again.
    """

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options)
        self._choices = [_Choices(item) for item in self.hyperparameters.space]
        self._controller = Controller([choices.count for choices in self._choices], options.seed)
        self._trials_learned = 0

    def suggest(self, trial_id: str) -> Suggestion:
        for ended in self.end_order[self._trials_learned :]:
            if self.trials[ended].score is not None:
                self._learn(self.trials[ended])
        self._trials_learned = len(self.end_order)
        if self.initial_values is not None and not self._duplicate(self.initial_values):
            return self.random_suggestion()
        random = self.random(2)
        values = self._write_configuration(random)
        for _ in range(ATTEMPTS):
            if not self._duplicate(values):
                break
            values = self._write_configuration(random)
        return {"status": RUNNING, "values": values}

    def _write_configuration(self, random: np.random.Generator) -> Values:
        values: Values = {}
        state, last = self._controller.initial_state, self._controller.start_token
        for position, item in enumerate(self.hyperparameters.space):
            if is_active(item, values):
                likelihoods, state = self._controller.step(last, position, state)
                choice = int(random.choice(len(likelihoods), p=likelihoods))
                values[item.name] = self._choices[position].value(choice, random)
                last = self._controller.token(position, choice)
        return values

    def _learn(self, trial: Any) -> None:
        values = trial.hyperparameters.values
        written = [
            (position, self._choices[position].index(values[item.name]))
            for position, item in enumerate(self.hyperparameters.space)
            if item.name in values
        ]
        reward = float(trial.score) if self.objective.direction == "max" else -float(trial.score)
        self._controller.reward(written, reward)


class _Choices:
    """The controller's choices for a hyperparameter: its values, or parts of its range."""

    def __init__(self, item: HyperParameter) -> None:
        self._item = item
        self._values = [] if is_continuous(item) else all_values(item)
        if is_integer(item) and len(self._values) > BINS:
            self._values = []
        self.count = len(self._values) or BINS

    def value(self, choice: int, random: np.random.Generator) -> Any:
        """A value of that choice."""
        if self._values:
            return self._values[choice]
        return self._item.prob_to_value((choice + random.random()) / self.count)

    def index(self, value: Any) -> int:
        """The choice that a value belongs to."""
        if self._values:
            return self._values.index(value)
        return min(int(self._item.value_to_prob(value) * self.count), self.count - 1)
