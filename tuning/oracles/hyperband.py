"""Hyperband: many short trainings, of which the best go on."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

from keras_tuner import oracles

from tuning.oracles.base import IDLE, RUNNING, STOPPED, TUNER_PREFIX, BaseOracle, Suggestion
from tuning.oracles.options import OracleOptions
from tuning.task import Values

FACTOR = 3
# The mean number of hyperparameters in which a configuration near the initial one differs from it.
MEAN_CHANGES = 3


@dataclass
class _Bracket:
    """`size` configurations that start together; `rounds` holds the trials of each round, later ones train longer."""

    number: int
    size: int
    rounds: list[list[str]] = field(default_factory=list)


class Hyperband(BaseOracle, oracles.HyperbandOracle):  # type: ignore[misc]
    """The best third of many short trainings is trained three times as long, and so on (Li et al. 2018).

    Brackets and epochs are KerasTuner's. A promoted training goes on from where it was. The last bracket shrinks to
    the trials that are left; an infeasible trial gives its place to another. Where there are initial values, half of
    the configurations are the initial one with a few changes: among bad networks short trainings tell little.
    """

    replays_suggestions = True
    promotes_trials = True

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options, max_epochs=options.epochs, factor=FACTOR)
        self._trials_left = options.trials
        self._started: list[_Bracket] = []

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        return (int(self.trials[trial_id].hyperparameters.values[TUNER_PREFIX + "epochs"]),)

    def suggest(self, trial_id: str) -> Suggestion:
        for bracket in self._started:
            suggestion = self._promote(bracket, trial_id) or self._start_trial(bracket, trial_id)
            if suggestion:
                return suggestion
        if self._trials_left != 0:
            suggestion = self._start_trial(self._start_bracket(), trial_id)
            if suggestion:
                return suggestion
        return {"status": IDLE if self.ongoing_trials else STOPPED, "values": None}

    def _start_bracket(self) -> _Bracket:
        number = (self._get_num_brackets() - 1 - len(self._started)) % self._get_num_brackets()
        size = self._get_size(number, 0)
        bracket = _Bracket(number, size if self._trials_left is None else min(size, self._trials_left), [[]])
        self._started.append(bracket)
        return bracket

    def _start_trial(self, bracket: _Bracket, trial_id: str) -> Suggestion | None:
        """A new configuration, if the bracket's first round has room for it."""
        first = bracket.rounds[0]
        taken = self._taken(bracket)
        if taken >= bracket.size:
            return None
        values = self._near_initial_values() or self._random_values()
        if values is None:  # the space is used up
            bracket.size, self._trials_left = taken, 0
            return self._promote(bracket, trial_id)
        first.append(trial_id)
        if self._trials_left is not None:
            self._trials_left -= len(first) <= bracket.size
        return self._suggestion(bracket, 0, values)

    def _near_initial_values(self) -> Values | None:
        """Every second time, the initial values changed in a few hyperparameters."""
        random = self.random(2)
        if self.initial_values is None or not self._duplicate(self.initial_values) or random.random() < 0.5:
            return None
        values = self.initial_values
        for _ in range(random.geometric(1 / MEAN_CHANGES) - 1):
            values = self.mutate(values, random)
        return self.untried_neighbour(values, random)

    def _taken(self, bracket: _Bracket) -> int:
        return sum(trial not in self.infeasible for trial in bracket.rounds[0])

    def _promote(self, bracket: _Bracket, trial_id: str) -> Suggestion | None:
        """The best trial of a finished round that has not been promoted yet."""
        for number in range(1, bracket.number + 1):
            before = [self.trials[trial] for trial in bracket.rounds[number - 1]]
            ended = [trial for trial in before if trial.status == "COMPLETED"]
            filling = number == 1 and self._taken(bracket) < bracket.size
            if filling or not ended or any(trial.status == RUNNING for trial in before):
                return None
            if len(bracket.rounds) == number:
                bracket.rounds.append([])
            promoted = bracket.rounds[number]
            ended.sort(key=lambda trial: trial.score, reverse=self.objective.direction == "max")
            best = ended[: ceil(bracket.size / FACTOR**number)]
            if len(promoted) < len(best):
                past = best[len(promoted)]
                promoted.append(trial_id)
                values = past.hyperparameters.values | {TUNER_PREFIX + "trial_id": past.trial_id}
                return self._suggestion(bracket, number, values)
        return None

    def _suggestion(self, bracket: _Bracket, number: int, values: dict[str, Any]) -> Suggestion:
        epochs = self._get_epochs(bracket.number, number)
        return {"status": RUNNING, "values": values | {TUNER_PREFIX + "epochs": epochs}}
