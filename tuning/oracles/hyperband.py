"""Hyperband: many short trainings, of which the best go on."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

from keras_tuner import oracles

from tuning.oracles.distinct import IDLE, OWN, RUNNING, STOPPED, Answer, Distinct
from tuning.strategies import Options
from tuning.trial import Values

FACTOR = 3
# Of configurations near the first, so many hyperparameters differ from it on average.
CHANGES = 3


@dataclass
class _Bracket:
    """`size` configurations that begin together; `rounds` holds the trials of each, the next with more epochs."""

    number: int
    size: int
    rounds: list[list[str]] = field(default_factory=list)


class Hyperband(Distinct, oracles.HyperbandOracle):  # type: ignore[misc]
    """The best third of many short trainings goes on for three times as long, and so on (Li et al. 2018).

    Brackets and epochs are KerasTuner's. A training that goes on does so from where it was. The last bracket is as
    large as is left of the trials there may be. What cannot be built gives its place to another. Where something is to
    be tried first, every second configuration is that one changed in some of its hyperparameters: short trainings tell
    little of networks that are all bad.
    """

    suggests_again = True
    returns = True

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        super().__init__(space, objectives, options, max_epochs=options.epochs, factor=FACTOR)
        self._left = options.trials
        self._begun: list[_Bracket] = []

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        return (int(self.trials[trial_id].hyperparameters.values[OWN + "epochs"]),)

    def suggest(self, trial_id: str) -> Answer:
        for bracket in self._begun:
            answer = self._promote(bracket, trial_id) or self._begin(bracket, trial_id)
            if answer:
                return answer
        if self._left != 0:
            number = (self._get_num_brackets() - 1 - len(self._begun)) % self._get_num_brackets()
            size = self._get_size(number, 0)
            bracket = _Bracket(number, size if self._left is None else min(size, self._left), [[]])
            self._begun.append(bracket)
            answer = self._begin(bracket, trial_id)
            if answer:
                return answer
        return {"status": IDLE if self.ongoing_trials else STOPPED, "values": None}

    def _begin(self, bracket: _Bracket, trial_id: str) -> Answer | None:
        """A new configuration, where the bracket's first round has room."""
        first = bracket.rounds[0]
        taken = self._taken(bracket)
        if taken >= bracket.size:
            return None
        values = self._near_the_first() or self._random_values()
        if values is None:  # the space is used up
            bracket.size, self._left = taken, 0
            return self._promote(bracket, trial_id)
        first.append(trial_id)
        if self._left is not None:
            self._left -= len(first) <= bracket.size
        return self._answer(bracket, 0, values)

    def _near_the_first(self) -> Values | None:
        """Once in two times, what was tried first changed in one hyperparameter or some more."""
        random = self.random(2)
        if self.first is None or not self._duplicate(self.first) or random.random() < 0.5:
            return None
        values = self.first
        for _ in range(random.geometric(1 / CHANGES) - 1):
            values = self.mutated(values, random)
        return self.neighbour(values, random)

    def _taken(self, bracket: _Bracket) -> int:
        return sum(trial not in self.infeasible for trial in bracket.rounds[0])

    def _promote(self, bracket: _Bracket, trial_id: str) -> Answer | None:
        """The best that has not gone on yet of a round that has ended."""
        for number in range(1, bracket.number + 1):
            before = [self.trials[trial] for trial in bracket.rounds[number - 1]]
            ended = [trial for trial in before if trial.status == "COMPLETED"]
            filling = number == 1 and self._taken(bracket) < bracket.size
            if filling or not ended or any(trial.status == RUNNING for trial in before):
                return None
            if len(bracket.rounds) == number:
                bracket.rounds.append([])
            here = bracket.rounds[number]
            ended.sort(key=lambda trial: trial.score, reverse=self.objective.direction == "max")
            best = ended[: ceil(bracket.size / FACTOR**number)]
            if len(here) < len(best):
                past = best[len(here)]
                here.append(trial_id)
                values = past.hyperparameters.values | {OWN + "trial_id": past.trial_id}
                return self._answer(bracket, number, values)
        return None

    def _answer(self, bracket: _Bracket, number: int, values: dict[str, Any]) -> Answer:
        return {"status": RUNNING, "values": values | {OWN + "epochs": self._get_epochs(bracket.number, number)}}
