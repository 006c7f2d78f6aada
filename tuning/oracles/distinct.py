"""What all oracles of a search have in common, beside KerasTuner's own contract."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.trial import Values

if TYPE_CHECKING:
    from tuning.strategies import Options

RUNNING, STOPPED, IDLE = "RUNNING", "STOPPED", "IDLE"
# So many draws in a row that were all tried before mean that a finite space is nearly used up; one of the first so many
# that are left is taken then.
COLLISIONS, LEFT = 100, 1000
# Changes to a configuration in search of one near it that was not tried: of one hyperparameter, then of more and more.
NEIGHBOURS = 20
# Of numbers that change, so many move by about so much of their range; others go anywhere.
STEPS, STEP = 0.5, 0.2
LARGEST = 1 - 1e-9
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
    # Whether it goes on with trials that ended; it then keeps to Options.trials by itself.
    returns = False
    # Whether it takes Options.pruner.
    prunes = False

    def __init__(
        self, space: HyperParameters, objectives: list[keras_tuner.Objective], options: "Options", **others: Any
    ) -> None:
        super().__init__(objective=objectives[0], hyperparameters=_Shared(space), **others)
        self.options = options
        self.seed = options.seed  # KerasTuner takes 0 for none
        self.max_trials = None
        self.first: Values | None = None
        # Trials that could not be built, which KerasTuner does not tell from those that failed.
        self.infeasible: set[str] = set()
        self._display.verbose = 0
        self._recorded: Values | None = None

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        """The epoch up to which a trial is to be trained, after those at which `keeps` is asked."""
        return (self.options.epochs,)

    def keeps(self, trial_id: str, epoch: int, score: float) -> bool:
        """Whether a training goes on that has come to an epoch of `rungs` before the last."""
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
            return self.instead_of(answer["values"])
        return answer

    def random(self, *purpose: int) -> np.random.Generator:
        """A generator for this suggestion alone."""
        return np.random.default_rng((self.seed, len(self.start_order), *purpose))

    def untried(self) -> Answer:
        """Some configuration that was not tried, if there is one."""
        values = self._random_values()
        return {"status": STOPPED, "values": None} if values is None else {"status": RUNNING, "values": values}

    def instead_of(self, values: Values) -> Answer:
        """One near a configuration that was tried before; where there is none, any that was not tried."""
        near = self.neighbour(values, self.random(3))
        return self.untried() if near is None else {"status": RUNNING, "values": near}

    def neighbour(self, values: Values, random: np.random.Generator) -> Values | None:
        """A configuration that was not tried, one hyperparameter or as few as can be found apart from these values."""
        found = values
        for attempt in range(COLLISIONS):
            found = self.mutated(values if attempt < NEIGHBOURS else found, random)
            if not self._duplicate(found):
                return found
        return None

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
        """The same configuration but for one hyperparameter, which has another value, and what follows from that.

        Where nothing can change, it is the same.
        """
        items = [item for item in self.hyperparameters.space if item.name in values and self._varies[item.name]]
        if not items:
            return values
        item = items[random.integers(len(items))]
        value = values[item.name]
        while value == values[item.name]:
            value = _stepped(item, value, random) if random.random() < STEPS else item.prob_to_value(random.random())
        return self.complete(values | {item.name: value}, random)

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        """KerasTuner's, told of its objective alone: of others it would first have to guess what they are."""
        return super().update_trial(trial_id, {self.objective.name: metrics[self.objective.name]}, step)

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Nothing: the whole space is known from the beginning."""

    @cached_property
    def _varies(self) -> dict[str, bool]:
        """Which hyperparameters have more than one value."""
        return {item.name: varies(item) for item in self.hyperparameters.space}

    def _compute_values_hash(self, values: Values) -> str:
        own = {name: value for name, value in values.items() if not name.startswith(OWN)}
        return super()._compute_values_hash(own)  # type: ignore[no-any-return]

    def _random_values(self) -> Values | None:
        if self.first is not None and not self._duplicate(self.first):
            return dict(self.first)
        random = self.random(1)
        for _ in range(COLLISIONS):
            values = self.draw(random)
            if not self._duplicate(values):
                return values

        def some(item: HyperParameter) -> list[Any]:
            return [item.prob_to_value(random.random())] if is_continuum(item) else every_value(item)

        every = combinations(self.hyperparameters.space, some)
        left = list(islice((values for values in every if not self._duplicate(values)), LEFT))
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


def varies(item: HyperParameter) -> bool:
    """Whether a hyperparameter has more than one value."""
    if is_continuum(item):
        return bool(item.min_value < item.max_value)
    return len(set(every_value(item))) > 1


def is_continuum(item: HyperParameter) -> bool:
    """Whether any number in a range will do."""
    return type(item).__name__ == "Float" and item.step is None


def every_value(item: HyperParameter) -> list[Any]:
    """All values of a hyperparameter that is no continuum, in their order."""
    if type(item).__name__ == "Int" and item.step is None:  # KerasTuner itself names ten of them
        return list(range(item.min_value, item.max_value + 1))
    return list(item.values)


def combinations(
    space: list[HyperParameter],
    values: Callable[[HyperParameter], list[Any]] = every_value,
    chosen: Values | None = None,
) -> Iterator[Values]:
    """Every configuration in which each hyperparameter has one of `values(item)`."""
    chosen = chosen or {}
    for index, item in enumerate(space):
        if exists(item, chosen):
            for value in values(item):
                yield from combinations(space[index + 1 :], values, chosen | {item.name: value})
            return
    yield chosen


def population(trials: int | None) -> int:
    """How many configurations a generation holds in a search of so many trials: 8 of 25, 50 of 1000."""
    return ceil(1.6 * sqrt(trials or 100))


def _stepped(item: HyperParameter, value: Any, random: np.random.Generator) -> Any:
    """A value near another one; where there is no order, any."""
    if type(item).__name__ == "Boolean" or not getattr(item, "ordered", True):
        return item.prob_to_value(random.random())
    place = abs(item.value_to_prob(value) + STEP * random.standard_normal())
    return item.prob_to_value(min(max(1 - abs(1 - place), 0.0), LARGEST))  # back in again where it went too far


class _Shared(HyperParameters):  # type: ignore[misc]
    """Hyperparameters whose copies have their own values only: a search holds one for each trial."""

    def __init__(self, space: HyperParameters) -> None:
        super().__init__()
        self._space, self._hps = space._space, space._hps

    def copy(self) -> "_Shared":
        twin = _Shared(self)
        twin.values = dict(self.values)
        return twin
