"""The base class of all oracles."""

from functools import cached_property
from itertools import islice
from math import ceil, sqrt
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.hyperparameters import HyperParameter

from tuning.hyperparameter_kinds import all_values, configurations, is_active, is_continuous, is_ordered, varies
from tuning.oracles.options import OracleOptions
from tuning.task import Values

RUNNING, STOPPED, IDLE = "RUNNING", "STOPPED", "IDLE"
# After this many random draws in a row that were all tried before, a finite space counts as nearly used up. One of the
# first MAX_LISTED configurations that are left is taken then.
MAX_COLLISIONS, MAX_LISTED = 100, 1000
# The first this many attempts at an untried neighbour change one hyperparameter; later ones change more and more.
SINGLE_CHANGES = 20
# A number that mutates moves by a normal step of STEP_SIZE of its range with this probability, else it is drawn again.
STEP_PROBABILITY, STEP_SIZE = 0.5, 0.2
MAX_PROBABILITY = 1 - 1e-9
# The prefix of values that KerasTuner's tuners keep among the hyperparameters.
TUNER_PREFIX = "tuner/"
# What KerasTuner's `populate_space` returns: a status and, if that is RUNNING, values.
Suggestion = dict[str, Any]


class BaseOracle(keras_tuner.Oracle):  # type: ignore[misc]
    """Suggests no configuration twice, and writes no files: the search's journal is what survives.

    It is used alone, or as the first base class before one of KerasTuner's oracles. A subclass implements `suggest`.
    All its randomness comes from `self.random(...)`, which depends only on the seed and the number of trials, so that
    a search that was killed resumes as if it had not been. The configurations in `starts` are suggested before
    anything else.
    """

    # Whether replaying a search calls `suggest` again; else the oracle is told what it had suggested.
    replays_suggestions = False
    # Whether it trains finished trials further. It then keeps to OracleOptions.trials by itself.
    promotes_trials = False
    # Whether it supports OracleOptions.pruner.
    supports_pruning = False

    def __init__(
        self, space: HyperParameters, objectives: list[keras_tuner.Objective], options: OracleOptions, **others: Any
    ) -> None:
        super().__init__(objective=objectives[0], hyperparameters=_SharedSpace(space), **others)
        self.options = options
        self.seed = options.seed  # KerasTuner takes a seed of 0 for no seed
        self.max_trials = None
        self.starts: list[Values] = []
        # KerasTuner does not tell infeasible trials from failed ones.
        self.infeasible: set[str] = set()
        self._display.verbose = 0
        self._replayed_values: Values | None = None

    @property
    def initial_values(self) -> Values | None:
        """The first configuration to start with that is untried; the very first if all are tried, None without any."""
        return next((values for values in self.starts if not self._duplicate(values)), next(iter(self.starts), None))

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        """The epochs at which `should_continue` is asked about a trial, and the last epoch to train it to."""
        return (self.options.epochs,)

    def should_continue(self, trial_id: str, epoch: int, score: float) -> bool:
        """Whether a training that has reached one of its rungs goes on."""
        return True

    def suggest(self, trial_id: str) -> Suggestion:
        """The next configuration, as KerasTuner's `populate_space` returns it."""
        return super().populate_space(trial_id)  # type: ignore[no-any-return]

    def replay(self, values: Values) -> Any:
        """The next trial with the values that were suggested for it before a restart."""
        self._replayed_values = values
        try:
            return self.create_trial(f"slot {len(self.trials)}")
        finally:
            self._replayed_values = None

    def populate_space(self, trial_id: str) -> Suggestion:
        """KerasTuner's method: `suggest`, with a replacement if the configuration was tried before."""
        if self._replayed_values is not None and not self.replays_suggestions:
            return {"status": RUNNING, "values": dict(self._replayed_values)}
        self._seed_state = int(self.random().integers(2**31))
        suggestion = self.suggest(trial_id)
        is_new_trial = suggestion["status"] == RUNNING and TUNER_PREFIX + "trial_id" not in suggestion["values"]
        if is_new_trial and self._duplicate(suggestion["values"]):
            return self.replacement(suggestion["values"])
        return suggestion

    def random(self, *purpose: int) -> np.random.Generator:
        """A random generator for the current suggestion; different numbers give independent ones."""
        return np.random.default_rng((self.seed, len(self.start_order), *purpose))

    def random_suggestion(self) -> Suggestion:
        """A random untried configuration; the search stops where there is none."""
        values = self._random_values()
        return {"status": STOPPED, "values": None} if values is None else {"status": RUNNING, "values": values}

    def replacement(self, values: Values) -> Suggestion:
        """An untried configuration near one that was tried before; if there is none, a random one."""
        near = self.untried_neighbour(values, self.random(3))
        return self.random_suggestion() if near is None else {"status": RUNNING, "values": near}

    def untried_neighbour(self, values: Values, random: np.random.Generator) -> Values | None:
        """An untried configuration that differs from these values in as few hyperparameters as can be found."""
        candidate = values
        for attempt in range(MAX_COLLISIONS):
            candidate = self.mutate(values if attempt < SINGLE_CHANGES else candidate, random)
            if not self._duplicate(candidate):
                return candidate
        return None

    def draw(self, random: np.random.Generator) -> Values:
        """A random configuration."""
        return self.complete({}, random)

    def complete(self, values: Values, random: np.random.Generator) -> Values:
        """These values without those of hyperparameters that do not exist, and random values for missing ones."""
        completed: Values = {}
        for item in self.hyperparameters.space:
            if is_active(item, completed):
                drawn = item.prob_to_value(random.random())
                completed[item.name] = values.get(item.name, drawn)
        return completed

    def mutate(self, values: Values, random: np.random.Generator) -> Values:
        """The configuration with another value for one hyperparameter, and what follows from that.

        Where no hyperparameter has another value, it is the same.
        """
        items = [item for item in self.hyperparameters.space if item.name in values and self._varies[item.name]]
        if not items:
            return values
        item = items[random.integers(len(items))]
        value = values[item.name]
        while value == values[item.name]:
            step = random.random() < STEP_PROBABILITY
            value = _nearby_value(item, value, random) if step else item.prob_to_value(random.random())
        return self.complete(values | {item.name: value}, random)

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        """Tell KerasTuner the first objective only: it does not know the direction of others."""
        return super().update_trial(trial_id, {self.objective.name: metrics[self.objective.name]}, step)

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Do nothing: the whole space is known from the beginning."""

    def _random_values(self) -> Values | None:
        """The initial values if they are untried, else a random untried configuration; None if all were tried.

        KerasTuner's oracles call it, too.
        """
        if self.initial_values is not None and not self._duplicate(self.initial_values):
            return dict(self.initial_values)
        random = self.random(1)
        for _ in range(MAX_COLLISIONS):
            values = self.draw(random)
            if not self._duplicate(values):
                return values

        def some_values(item: HyperParameter) -> list[Any]:
            return [item.prob_to_value(random.random())] if is_continuous(item) else all_values(item)

        every = configurations(self.hyperparameters.space, some_values)
        untried = list(islice((values for values in every if not self._duplicate(values)), MAX_LISTED))
        return untried[random.integers(len(untried))] if untried else None

    @cached_property
    def _varies(self) -> dict[str, bool]:
        """Which hyperparameters have more than one value."""
        return {item.name: varies(item) for item in self.hyperparameters.space}

    def _compute_values_hash(self, values: Values) -> str:
        searched = {name: value for name, value in values.items() if not name.startswith(TUNER_PREFIX)}
        return super()._compute_values_hash(searched)  # type: ignore[no-any-return]

    def _check_consecutive_failures(self) -> None:
        """Do nothing: the search decides when it has failed."""

    def _save_trial(self, trial: Any) -> None:
        """Do nothing: the journal has it."""

    def save(self) -> None:
        """Do nothing: the journal has it."""


def population_size(trials: int | None) -> int:
    """How many configurations form a population in a search of this many trials: 8 of 25, 50 of 1000."""
    return ceil(1.6 * sqrt(trials or 100))


def _nearby_value(item: HyperParameter, value: Any, random: np.random.Generator) -> Any:
    """A value near another one; if values have no order, any value."""
    if not is_ordered(item):
        return item.prob_to_value(random.random())
    probability = abs(item.value_to_prob(value) + STEP_SIZE * random.standard_normal())
    reflected = 1 - abs(1 - probability)  # a step that leaves the range comes back into it
    return item.prob_to_value(min(max(reflected, 0.0), MAX_PROBABILITY))


class _SharedSpace(HyperParameters):  # type: ignore[misc]
    """Hyperparameters whose copies share the space and have their own values: a search holds one for each trial."""

    def __init__(self, space: HyperParameters) -> None:
        super().__init__()
        self._space, self._hps = space._space, space._hps

    def copy(self) -> "_SharedSpace":
        twin = _SharedSpace(self)
        twin.values = dict(self.values)
        return twin
