"""What every strategy must do, in a space with conditions and continuous ranges; trials are simulated by formulas."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters
from simulated import EVERY_STRATEGY, SIZE, branching, searchable

from suite.errors import UsageError
from suite.search_record import COMPLETED, FAILED, INFEASIBLE, Objective
from tuning import strategies
from tuning.hyperparameter_kinds import is_active, is_continuous
from tuning.oracles.options import OracleOptions
from tuning.strategies import Proposal, Strategy
from tuning.task import Values

GOAL = Objective("val_loss", "min")


def made(name: str, seed: int, declare: Callable[[HyperParameters], Any] | None = None, trials: int = 24) -> Strategy:
    space = searchable(mixed if declare is None else declare)
    return strategies.create(name, space, [GOAL], OracleOptions(trials, 4, seed))


def mixed(hp: HyperParameters) -> None:
    """Every kind of hyperparameter; some exist only with "deep", and `rest` only with some of those."""
    if hp.Choice("kind", ["plain", "deep"]) == "deep":
        if hp.Int("depth", 1, 6, default=2) > 3:
            hp.Float("rest", 0.0, 1.0)
        hp.Choice("width", [8, 16, 32, 64])
    hp.Choice("activation", ["relu", "gelu", "mish", "tanh"])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Boolean("norm")
    hp.Fixed("network", "small")


def loss(values: Values) -> float:
    """The minimum is at deep, wide, mish and a rate of 0.01."""
    far = (np.log10(values["rate"]) + 2) ** 2 + 0.3 * ["mish", "gelu", "relu", "tanh"].index(values["activation"])
    return float(far + (6 - values.get("depth", 0)) / 6 + (64 - values.get("width", 0)) / 64)


def key(values: Values) -> tuple[Any, ...]:
    return tuple(sorted(values.items()))


def run(strategy: Strategy, steps: int, value: Callable[[Values], float] = loss) -> list[Proposal]:
    found = []
    while len(found) < steps and (proposal := strategy.ask()):
        strategy.tell(proposal, COMPLETED, {GOAL.name: value(proposal.values)})
        found.append(proposal)
    return found


@pytest.mark.parametrize("name", EVERY_STRATEGY)
def test_proposals_hold_existing_hyperparameters_within_their_ranges(name: str) -> None:
    space = searchable(mixed)
    for proposal in run(made(name, 0), 24):
        values = proposal.values
        assert list(values) == [item.name for item in space.space if is_active(item, values)]
        for item in space.space:
            if item.name in values and is_continuous(item):
                assert item.min_value <= values[item.name] <= item.max_value
            elif item.name in values and type(item).__name__ != "Fixed":
                assert values[item.name] in list(item.values)


@pytest.mark.parametrize("name", EVERY_STRATEGY)
def test_trials_in_flight_differ_and_failures_do_not_stop_a_strategy(name: str) -> None:
    strategy, flying, seen = made(name, 0), [], {}
    for number in range(40):
        while len(flying) < 3 and (proposal := strategy.ask()):
            flying.append(proposal)
            seen[proposal.trial] = key(proposal.values)
        if not flying:
            break
        # The last one that was begun ends first.
        proposal = flying.pop()
        status = {3: FAILED, 5: INFEASIBLE}.get(number % 7, COMPLETED)
        strategy.tell(proposal, status, {GOAL.name: loss(proposal.values)} if status == COMPLETED else {})
    assert len(seen) > 20
    assert len(set(seen.values())) == len(seen)


@pytest.mark.parametrize("name", ["grid", "random", "evolution", "reinforce", "tpe", "cmaes", "nsga2"])
def test_a_finite_space_is_covered_completely_and_then_ends(name: str) -> None:
    strategy = made(name, 0, branching, trials=100)
    found = run(strategy, 100, len)
    assert len(found) == SIZE == len({key(one.values) for one in found})
    assert strategy.ask() is None


@pytest.mark.parametrize("name", [one for one in EVERY_STRATEGY if one.values != ("grid",)])
def test_the_seed_decides(name: str) -> None:
    first, again, other = ([one.values for one in run(made(name, seed), 10)] for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", EVERY_STRATEGY)
def test_a_replayed_strategy_continues_as_if_it_had_not_stopped(name: str) -> None:
    whole = run(made(name, 0), 16)
    resumed = made(name, 0)
    for proposal in whole[:7]:
        again = resumed.replay(proposal.values)
        assert again.trial == proposal.trial
        resumed.tell(again, COMPLETED, {GOAL.name: loss(again.values)})
    assert [one.values for one in run(resumed, 9)] == [one.values for one in whole[7:]]


@pytest.mark.parametrize("name", ["evolution", "bayesian", "tpe", "cmaes"])
def test_learning_strategies_beat_random_search(name: str) -> None:
    def best(one: str, seed: int) -> float:
        return min(loss(proposal.values) for proposal in run(made(one, seed, trials=30), 30))

    gains = [best("random", seed) - best(name, seed) for seed in range(6)]
    assert np.mean(gains) > 0


def test_an_integer_on_a_logarithmic_scale_is_not_continuous() -> None:
    def declare(hp: HyperParameters) -> None:
        hp.Int("size", 1, 40, sampling="log")

    assert {one.values["size"] for one in run(made("random", 0, declare, trials=100), 100, len)} == set(range(1, 41))


def test_a_large_space_behind_a_rare_condition_is_found() -> None:
    def declare(hp: HyperParameters) -> None:
        if hp.Int("gate", 1, 3) == 3 and hp.Boolean("open"):
            hp.Float("rate", 0.0, 1.0)

    found = run(made("random", 0, declare, trials=60), 60, len)
    assert len(found) == 60


@pytest.mark.parametrize("trials", [1, 2])
def test_a_space_of_one_network_has_one_trial(trials: int) -> None:
    for name in ("random", "grid", "evolution", "reinforce"):
        assert len(run(made(name, 0, lambda hp: hp.Choice("only", [1]), trials=trials), 5, len)) == 1


def test_only_optunas_strategies_take_a_pruner() -> None:
    with pytest.raises(UsageError, match="evolution is none of them"):
        strategies.create("evolution", searchable(mixed), [GOAL], OracleOptions(4, 9, 0, pruner="asha"))


def test_trials_share_their_space() -> None:
    strategy = made("evolution", 0)
    run(strategy, 20)
    trials = list(strategy._oracle.trials.values())
    assert trials[0].hyperparameters.space is trials[-1].hyperparameters.space
