"""The ways to search, by name; adding one is a file in tuning/oracles and a line here."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import SuiteError, UsageError, unknown
from tuning.trial import COMPLETED, INFEASIBLE, Values

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

    from suite.report.trials import Objective
    from tuning.oracles.distinct import Distinct

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


@dataclass(frozen=True)
class Options:
    """What a strategy may take into account: at most so many trials (None: no bound) of so many epochs.

    `pruner` names what ends trials early; in `folder` a strategy may keep files for other tools.
    """

    trials: int | None
    epochs: int
    seed: int
    pruner: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Proposal:
    """Train trial `trial` up to the last of `rungs`, on from an earlier epoch where it was trained before.

    At each of the epochs before the last, the strategy says whether the training goes on. `key` is the oracle's own
    name for the trial.
    """

    trial: int
    values: Values
    rungs: tuple[int, ...]
    key: str

    @property
    def until(self) -> int:
        """The epoch up to which it is trained."""
        return self.rungs[-1]


class Strategy:
    """One of KerasTuner's oracles, asked for proposals and told how they went."""

    def __init__(self, oracle: "Distinct", objectives: "list[Objective]") -> None:
        self._oracle, self._objectives = oracle, objectives
        self._trials: dict[str, int] = {}
        self._count = 0

    @property
    def returns(self) -> bool:
        """Whether it goes on with trials that ended; it then keeps to the number of trials by itself."""
        return self._oracle.returns

    def begin_with(self, values: Values) -> None:
        """Try these before anything else."""
        self._oracle.first = values

    def ask(self) -> Proposal | None:
        """What to train next; None where there is nothing more, or nothing before some running trial ends."""
        return self._proposal(self._oracle.create_trial(f"slot {len(self._oracle.trials)}"))

    def recall(self, values: Values) -> Proposal:
        """The proposal that was made at this point before a restart; SuiteError where it is another one now."""
        proposal = self._proposal(self._oracle.recall(values))
        if proposal is None or proposal.values != values:
            raise SuiteError(
                "the search to resume went another way than it would now, after an update perhaps: leave --resume out "
                "to begin again"
            )
        return proposal

    def keeps(self, proposal: Proposal, epoch: int, score: float) -> bool:
        """Whether the training that has come to a rung goes on; `score` is the first objective."""
        return self._oracle.keeps(proposal.key, epoch, score)

    def tell(self, proposal: Proposal, status: str, scores: dict[str, float]) -> None:
        """How it went."""
        from keras_tuner.engine.trial import Trial, TrialStatus

        space = self._oracle.trials[proposal.key].hyperparameters
        ended = Trial(space, proposal.key, TrialStatus.COMPLETED if status == COMPLETED else TrialStatus.FAILED)
        if status == COMPLETED:
            self._oracle.update_trial(proposal.key, {one.name: scores[one.name] for one in self._objectives})
        elif status == INFEASIBLE:
            self._oracle.infeasible.add(proposal.key)
        self._oracle.end_trial(ended)

    def _proposal(self, trial: Any) -> Proposal | None:
        from tuning.oracles.distinct import OWN, RUNNING

        if trial.status != RUNNING:
            return None
        given = trial.hyperparameters.values
        past = given.get(OWN + "trial_id")
        self._count += past is None
        number = self._count if past is None else self._trials[past]
        self._trials[trial.trial_id] = number
        values = {name: value for name, value in given.items() if not name.startswith(OWN)}
        return Proposal(number, values, self._oracle.rungs(trial.trial_id), trial.trial_id)


def create(name: str, space: "HyperParameters", objectives: "list[Objective]", options: Options) -> Strategy:
    """The strategy of that name over a space; UsageError where there is none, or none that takes these options."""
    if name not in STRATEGIES:
        raise unknown("strategy", name, list(STRATEGIES))
    from keras_tuner import Objective as Goal

    module, _, kind = STRATEGIES[name].partition(":")
    oracle = getattr(import_module(module), kind)
    goals = [Goal(one.name, one.direction) for one in objectives]
    if options.pruner and not oracle.prunes:
        raise UsageError(f"only Optuna's strategies take a pruner, and {name} is none of them: leave --pruner out")
    return Strategy(oracle(space, goals, options), objectives)
