"""Optuna's samplers and pruners as oracles."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from suite.errors import UsageError
from tuning.hyperparameter_kinds import is_active, is_fixed
from tuning.journal import write_error
from tuning.oracles.base import RUNNING, BaseOracle, Suggestion, population_size
from tuning.oracles.options import OracleOptions
from tuning.task import Values

try:
    import optuna
except ImportError:
    raise UsageError("this strategy needs a package that is missing: pip install 'neural-suite[optuna]'") from None


from optuna import pruners, samplers
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from tuning.oracles.optuna_encoding import Encoding

LOG_FILE, STUDY = "optuna.log", "suite tune"
PRUNERS = ("median", "asha")
# A pruner looks at trainings after 1, 3, 9, ... epochs.
RUNG_FACTOR = 3
# How many random trials a sampler sees before it suggests: one in four of a search, within bounds.
MIN_STARTUP_TRIALS, MAX_STARTUP_TRIALS, TRIALS_PER_STARTUP_TRIAL = 5, 10, 4
ATTEMPTS = 10


class _OptunaOracle(BaseOracle):
    """One of Optuna's samplers, asked for one hyperparameter after another, as far as they exist.

    After a restart its study is rebuilt from the recorded trials; or, if the sampler keeps state besides trials, by
    asking it again. With OracleOptions.folder, every finished trial is in a file there that optuna-dashboard opens.
    """

    supports_pruning = True
    # Whether the sampler optimises all objectives, not only the first.
    multi_objective = False

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        super().__init__(space, objectives, options)
        if options.pruner not in (None, *PRUNERS):
            raise UsageError(f"there is no pruner '{options.pruner}': choose {' or '.join(PRUNERS)}")
        if options.pruner and self.multi_objective and len(objectives) > 1:
            raise UsageError("--pruner goes by one objective: leave it out, or name one in --objective")
        self._objectives = objectives if self.multi_objective else objectives[:1]
        self._encodings = {item.name: Encoding(item) for item in self.hyperparameters.space if not is_fixed(item)}
        self._optuna_trials: dict[str, optuna.Trial] = {}
        self._scores: dict[str, list[float]] = {}
        self._pruned: set[str] = set()
        self._logged_study: optuna.Study | None = None

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        """The sampler for one suggestion."""
        raise NotImplementedError

    @property
    def startup_trials(self) -> int:
        """How many random trials the sampler sees before it suggests."""
        trials = self.options.trials or MAX_STARTUP_TRIALS * TRIALS_PER_STARTUP_TRIAL
        return min(max(trials // TRIALS_PER_STARTUP_TRIAL, MIN_STARTUP_TRIALS), MAX_STARTUP_TRIALS)

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        if self.options.pruner is None:
            return (self.options.epochs,)
        epochs, rungs = 1, []
        while 2 * epochs <= self.options.epochs:
            rungs.append(epochs)
            epochs *= RUNG_FACTOR
        return (*rungs, self.options.epochs)

    def should_continue(self, trial_id: str, epoch: int, score: float) -> bool:
        trial = self._optuna_trials[trial_id]
        trial.report(score, epoch)
        if trial.should_prune():
            self._pruned.add(trial_id)
        return trial_id not in self._pruned

    def suggest(self, trial_id: str) -> Suggestion:
        if self.initial_values is not None and not self._duplicate(self.initial_values):
            return self._enqueue(trial_id, dict(self.initial_values))
        values: Values = {}
        for attempt in range(ATTEMPTS):
            trial = self._ask(attempt)
            values = self._define(trial)
            if not self._duplicate(values):
                return self._accept(trial_id, trial, values)
            self._study.tell(trial, state=TrialState.FAIL)
        suggestion = self.replacement(values)
        return self._enqueue(trial_id, suggestion["values"]) if suggestion["status"] == RUNNING else suggestion

    def populate_space(self, trial_id: str) -> Suggestion:
        suggestion = super().populate_space(trial_id)
        if self._is_rebuilding:
            self._enqueue(trial_id, suggestion["values"])
        return suggestion

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        self._scores[trial_id] = [metrics[objective.name] for objective in self._objectives]
        return super().update_trial(trial_id, metrics, step)

    def end_trial(self, trial: Any) -> None:
        super().end_trial(trial)
        optuna_trial, scores = self._optuna_trials.pop(trial.trial_id), self._scores.pop(trial.trial_id, None)
        if scores is None or trial.trial_id in self._pruned:
            # Samplers rank pruned trials below completed ones; trials without a score belong there too.
            ended = self._study.tell(optuna_trial, state=TrialState.PRUNED)
        else:
            ended = self._study.tell(optuna_trial, scores)
        if self.options.folder is not None:
            self._log(ended, self.options.folder / LOG_FILE)

    @property
    def _is_rebuilding(self) -> bool:
        """Whether the study is being rebuilt from recorded values."""
        return self._replayed_values is not None and not self.replays_suggestions

    def _enqueue(self, trial_id: str, values: Values) -> Suggestion:
        """Add a trial of these values to the study."""
        encodings = {name: encoding for name, encoding in self._encodings.items() if name in values}
        self._study.enqueue_trial({name: one.encode(values[name]) for name, one in encodings.items()})
        trial = self._ask(0)
        self._define(trial)
        return self._accept(trial_id, trial, values)

    def _accept(self, trial_id: str, trial: "optuna.Trial", values: Values) -> Suggestion:
        trial.set_user_attr("trial", 1 + int(trial_id))
        trial.set_user_attr("hyperparameters", values)
        self._optuna_trials[trial_id] = trial
        return {"status": RUNNING, "values": values}

    def _ask(self, attempt: int) -> "optuna.Trial":
        seed = int(self.random(2, attempt).integers(2**31))
        with _experimental_warnings_ignored():
            self._study.sampler = samplers.RandomSampler(seed) if self._is_rebuilding else self.sampler(seed)
            return self._study.ask()

    def _define(self, trial: "optuna.Trial") -> Values:
        """The trial's value for every hyperparameter that exists with the values before it."""
        values: Values = {}
        for item in self.hyperparameters.space:
            if is_active(item, values):
                encoding = self._encodings.get(item.name)
                values[item.name] = item.value if encoding is None else encoding.ask(trial)
        return values

    @cached_property
    def _study(self) -> "optuna.Study":
        """The study that the sampler reads, in memory."""
        return self._create_study(None)

    def _log(self, ended: "optuna.trial.FrozenTrial", file: Path) -> None:
        """Append a trial to the file for optuna-dashboard, with the hyperparameters' values instead of their codes."""
        encodings = {name: self._encodings[name] for name in ended.params}
        values = ended.user_attrs["hyperparameters"]
        ended.distributions = {name: encoding.display_distribution for name, encoding in encodings.items()}
        ended.params = {name: values[name] for name in encodings}
        try:
            if self._logged_study is None:
                file.unlink(missing_ok=True)
                self._logged_study = self._create_study(JournalStorage(JournalFileBackend(str(file))))
                with _experimental_warnings_ignored():
                    self._logged_study.set_metric_names([objective.name for objective in self._objectives])
            self._logged_study.add_trial(ended)
        except OSError as error:
            raise write_error(file, error) from error

    def _create_study(self, storage: "JournalStorage | None") -> "optuna.Study":
        optuna.logging.set_verbosity(logging.ERROR)
        directions = ["maximize" if objective.direction == "max" else "minimize" for objective in self._objectives]
        return optuna.create_study(
            storage=storage, study_name=STUDY, directions=directions, pruner=_pruner(self.options.pruner)
        )


class TPE(_OptunaOracle):
    """Tree-structured Parzen estimators: values that good trials had more often than others (Bergstra et al. 2011)."""

    multi_objective = True

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        return samplers.TPESampler(
            n_startup_trials=self.startup_trials, multivariate=True, group=True, constant_liar=True, seed=seed
        )


class NSGA2(_OptunaOracle):
    """A population that approaches the Pareto front of several objectives (Deb et al. 2002)."""

    multi_objective = True
    replays_suggestions = True

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        return samplers.NSGAIISampler(population_size=population_size(self.options.trials), seed=seed)


class CMAES(_OptunaOracle):
    """CMA-ES over the numbers that always exist, and TPE for the rest; for searches of many trials (Hansen 2016)."""

    replays_suggestions = True

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        others = samplers.TPESampler(n_startup_trials=self.startup_trials, multivariate=True, group=True, seed=seed)
        space = {
            item.name: self._encodings[item.name].distribution
            for item in self.hyperparameters.space
            if not item.conditions and item.name in self._encodings and self._encodings[item.name].ordered
        }
        return _FixedSpaceCmaEs(space, independent_sampler=others, warn_independent_sampling=False, seed=seed)


class _FixedSpaceCmaEs(samplers.CmaEsSampler):  # type: ignore[misc]
    """CMA-ES over a space given beforehand.

    Optuna's own space is what all trials so far had in common; when that changes, its sampler gives up.
    """

    def __init__(self, space: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._space = {name: distribution for name, distribution in space.items() if not distribution.single()}

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return self._space


class GP(_OptunaOracle):
    """A Gaussian process with a length scale for each hyperparameter; needs PyTorch."""

    def __init__(self, space: Any, objectives: Any, options: OracleOptions) -> None:
        if find_spec("torch") is None:
            raise UsageError("the strategy gp needs a package that is not installed: pip install torch")
        super().__init__(space, objectives, options)

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        return samplers.GPSampler(n_startup_trials=self.startup_trials, warn_independent_sampling=False, seed=seed)


@contextmanager
def _experimental_warnings_ignored() -> Iterator[None]:
    """Ignore Optuna's warnings of experimental features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _pruner(name: str | None) -> "pruners.BasePruner":
    if name == "median":
        return pruners.MedianPruner()
    return pruners.SuccessiveHalvingPruner(1, RUNG_FACTOR) if name == "asha" else pruners.NopPruner()
