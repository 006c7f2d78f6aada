"""The search strategies by name; to add one, write a file in tuning/oracles and add a line here."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from suite.errors import SuiteError, UsageError, unknown
from suite.search_record import COMPLETED, INFEASIBLE, Objective
from tuning.oracles.options import OracleOptions
from tuning.ranking_methods import METHODS
from tuning.task import Values

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

    from tuning.oracles.base import BaseOracle

STRATEGIES = {
    "random": "tuning.oracles.kerastuner:Random",
    "grid": "tuning.oracles.kerastuner:Grid",
    "bayesian": "tuning.oracles.kerastuner:Bayesian",
    "hyperband": "tuning.oracles.hyperband:Hyperband",
    "evolution": "tuning.oracles.evolution:Evolution",
    "reinforce": "tuning.oracles.reinforce:Reinforce",
    "tpe": "tuning.oracles.optuna_samplers:TPE",
    "cmaes": "tuning.oracles.optuna_samplers:CMAES",
    "nsga2": "tuning.oracles.optuna_samplers:NSGA2",
    "gp": "tuning.oracles.optuna_samplers:GP",
}
TRIAL_BY_TRIAL = tuple(STRATEGIES)
# These try what their ranking found, and nothing else.
STRATEGIES |= dict.fromkeys(METHODS, "tuning.oracles.ranked:Ranked")


@dataclass(frozen=True)
class Proposal:
    """Train trial number `trial` up to the last of `rungs`; go on from an earlier epoch if it was trained before.

    At each rung before the last, the strategy decides whether the training goes on. `oracle_trial_id` is the oracle's
    own name for the trial.
    """

    trial: int
    values: Values
    rungs: tuple[int, ...]
    oracle_trial_id: str

    @property
    def target_epoch(self) -> int:
        """The epoch up to which the trial is trained."""
        return self.rungs[-1]


class Strategy:
    """An oracle that is asked for proposals and told their scores."""

    def __init__(self, oracle: "BaseOracle", objectives: list[Objective]) -> None:
        self._oracle, self._objectives = oracle, objectives
        self._trials: dict[str, int] = {}
        self._count = 0

    @property
    def promotes_trials(self) -> bool:
        """Whether it trains finished trials further; it then keeps to the number of trials by itself."""
        return self._oracle.promotes_trials

    def start_with(self, values: Values) -> None:
        """Propose these values before any others, but after those of earlier calls.

        Values of hyperparameters that do not exist with the others are left out.
        """
        self._oracle.starts.append(self._oracle.complete(values, self._oracle.random()))

    def ask(self) -> Proposal | None:
        """The next proposal; None if there is none, or none before a running trial ends."""
        return self._proposal(self._oracle.create_trial(f"slot {len(self._oracle.trials)}"))

    def replay(self, values: Values) -> Proposal:
        """The proposal that was made at this point before a restart; SuiteError if it would be a different one now."""
        proposal = self._proposal(self._oracle.replay(values))
        if proposal is None or proposal.values != values:
            raise SuiteError(
                "the search to resume would now propose other trials, perhaps after an update: leave --resume out "
                "to begin again"
            )
        return proposal

    def should_continue(self, proposal: Proposal, epoch: int, score: float) -> bool:
        """Whether a training that has reached a rung goes on; `score` is the first objective."""
        return self._oracle.should_continue(proposal.oracle_trial_id, epoch, score)

    def tell(self, proposal: Proposal, status: str, scores: dict[str, float]) -> None:
        """Tell the oracle how a trial ended."""
        from keras_tuner.engine.trial import Trial, TrialStatus

        key = proposal.oracle_trial_id
        space = self._oracle.trials[key].hyperparameters
        ended = Trial(space, key, TrialStatus.COMPLETED if status == COMPLETED else TrialStatus.FAILED)
        if status == COMPLETED:
            self._oracle.update_trial(key, {objective.name: scores[objective.name] for objective in self._objectives})
        elif status == INFEASIBLE:
            self._oracle.infeasible.add(key)
        self._oracle.end_trial(ended)

    def _proposal(self, trial: Any) -> Proposal | None:
        from tuning.oracles.base import RUNNING, TUNER_PREFIX

        if trial.status != RUNNING:
            return None
        suggested = trial.hyperparameters.values
        past = suggested.get(TUNER_PREFIX + "trial_id")
        self._count += past is None
        number = self._count if past is None else self._trials[past]
        self._trials[trial.trial_id] = number
        values = {name: value for name, value in suggested.items() if not name.startswith(TUNER_PREFIX)}
        return Proposal(number, values, self._oracle.rungs(trial.trial_id), trial.trial_id)


def create(name: str, space: "HyperParameters", objectives: list[Objective], options: OracleOptions) -> Strategy:
    """The strategy of that name over a space; UsageError if there is none, or if it does not take the options."""
    if name not in STRATEGIES:
        raise unknown("strategy", name, list(STRATEGIES))
    import keras_tuner

    module, _, kind = STRATEGIES[name].partition(":")
    oracle = getattr(import_module(module), kind)
    kerastuner_objectives = [keras_tuner.Objective(objective.name, objective.direction) for objective in objectives]
    if options.pruner and not oracle.supports_pruning:
        raise UsageError(f"only Optuna's strategies take a pruner, and {name} is none of them: leave --pruner out")
    return Strategy(oracle(space, kerastuner_objectives, options), objectives)
