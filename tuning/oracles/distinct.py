"""What all oracles of a search have in common, beside KerasTuner's own contract."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.trial import Values

if TYPE_CHECKING:
    from tuning.strategies import Options

RUNNING, STOPPED, IDLE = "RUNNING", "STOPPED", "IDLE"
# So many draws in a row that were all tried before mean that a finite space is nearly used up.
COLLISIONS = 100
OWN = "tuner/"
Answer = dict[str, Any]


class Distinct(keras_tuner.Oracle):  # type: ignore[misc]
    """Proposes no configuration twice, and touches no file: the search's journal is what survives.

    Comes before one of KerasTuner's oracles among a class's bases, or alone. `suggest` says what is next; everything
    random in it comes from `self.random(...)`, which depends on the seed and on how many trials there have been, so
    that a search that was killed goes on as if it had not been. `first` is tried before anything else.
    """

    # Whether a restart calls `suggest` again for each trial; else it is told what was suggested.
    suggests_again = False
    # Whether all objectives count; else the first alone does.
    follows_all = False
    # Whether it goes on with trials that ended; it then keeps to Options.trials by itself.
    returns = False
    # Whether it takes Options.pruner.
    prunes = False

    def __init__(
        self, space: HyperParameters, objectives: list[keras_tuner.Objective], options: "Options", **others: Any
    ) -> None:
        super().__init__(objective=objectives[0], hyperparameters=space, **others)
        self.options = options
        self.seed = options.seed  # KerasTuner takes 0 for none
        self.max_trials = None
        self.first: Values | None = None
        self._display.verbose = 0
        self._recorded: Values | None = None

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        """The epochs after which this trial is looked at, the last one being its end."""
        return (self.options.epochs,)

    def keeps(self, trial_id: str, epoch: int, score: float) -> bool:
        """Whether a trial that has this score after this epoch, one of its rungs, is worth going on with."""
        return True

    def suggest(self, trial_id: str) -> Answer:
        """KerasTuner's `populate_space`."""
        return super().populate_space(trial_id)  # type: ignore[no-any-return]

    def recall(self, values: Values) -> Any:
        """The next trial as it was suggested before a restart."""
        self._recorded = values
        try:
            return self.create_trial(f"slot {len(self.trials)}")
        finally:
            self._recorded = None

    def populate_space(self, trial_id: str) -> Answer:
        if self._recorded is not None and not self.suggests_again:
            return {"status": RUNNING, "values": dict(self._recorded)}
        self._seed_state = int(self.random().integers(2**31))
        answer = self.suggest(trial_id)
        again = answer["status"] == RUNNING and OWN + "trial_id" not in answer["values"]
        if again and self._duplicate(answer["values"]):
            return self.untried()
        return answer

    def random(self, *purpose: int) -> np.random.Generator:
        """A generator for this suggestion alone."""
        return np.random.default_rng((self.seed, len(self.start_order), *purpose))

    def untried(self) -> Answer:
        """Some configuration that was not tried, if there is one."""
        values = self._random_values()
        return {"status": STOPPED, "values": None} if values is None else {"status": RUNNING, "values": values}

    def draw(self, random: np.random.Generator) -> Values:
        """A configuration at random, only what exists in it."""
        return self.complete({}, random)

    def complete(self, values: Values, random: np.random.Generator) -> Values:
        """These values without those that do not exist beside the others, and with random ones for what lacks."""
        found: Values = {}
        for item in self.hyperparameters.space:
            if exists(item, found):
                drawn = item.prob_to_value(random.random())
                found[item.name] = values.get(item.name, drawn)
        return found

    def mutated(self, values: Values, random: np.random.Generator) -> Values:
        """The same configuration but for one hyperparameter, which has another value, and what follows from that."""
        items = [item for item in self.hyperparameters.space if item.name in values and _choices(item) > 1]
        item = items[random.integers(len(items))]
        value = values[item.name]
        while value == values[item.name]:
            value = item.prob_to_value(random.random())
        return self.complete(values | {item.name: value}, random)

    def _random_values(self) -> Values | None:
        if self.first is not None and not self._duplicate(self.first):
            return dict(self.first)
        random = self.random(1)
        for _ in range(COLLISIONS):
            values = self.draw(random)
            if not self._duplicate(values):
                return values
        return self._any_left(random)

    def _any_left(self, random: np.random.Generator) -> Values | None:
        """One of the configurations of a finite space that were not tried; of an infinite one, none."""
        if any(getattr(item, "step", 1) is None for item in self.hyperparameters.space):
            return None
        left = [values for values in combinations(self.hyperparameters.space) if not self._duplicate(values)]
        return left[random.integers(len(left))] if left else None

    def _check_consecutive_failures(self) -> None:
        """The search itself decides when it has failed."""

    def _save_trial(self, trial: Any) -> None:
        """Nothing: see the journal."""

    def save(self) -> None:
        """Nothing: see the journal."""


def exists(item: HyperParameter, values: Values) -> bool:
    """Whether a hyperparameter exists beside these values of those before it."""
    return all(condition.is_active(values) for condition in item.conditions)


def _choices(item: HyperParameter) -> float:
    """How many values there are, at least two for a continuum."""
    return 2 if getattr(item, "step", 1) is None else len(list(item.values))


def combinations(space: list[HyperParameter], chosen: Values | None = None) -> Iterator[Values]:
    """Every configuration of a finite space."""
    chosen = chosen or {}
    for index, item in enumerate(space):
        if exists(item, chosen):
            for value in item.values:
                yield from combinations(space[index + 1 :], chosen | {item.name: value})
            return
    yield chosen
