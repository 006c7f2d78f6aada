"""Optuna's samplers and pruners, as oracles."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from suite.errors import UsageError
from tuning.journal import unwritten
from tuning.oracles.distinct import RUNNING, Answer, Distinct, every_value, exists, is_continuum, population
from tuning.strategies import Options
from tuning.trial import Values

try:
    import optuna
except ImportError:
    raise UsageError("this strategy needs a package that is not there: pip install 'suite[optuna]'") from None

from optuna import distributions, pruners, samplers
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

FILE, STUDY = "optuna.log", "suite tune"
PRUNERS = ("median", "asha")
# The epochs at which a pruner looks are so many times apart.
FACTOR = 3
# Trials before the sampler speaks: a share of a search, within bounds.
FEWEST, MOST, SHARE = 5, 10, 4
ATTEMPTS = 10


class _Optuna(Distinct):
    """One of Optuna's samplers, asked for one hyperparameter after another, as far as they exist.

    After a restart its study is made anew: of the recorded trials, or, where the sampler keeps more in it than trials,
    by asking again. With Options.folder every trial that ended is in a file there, which optuna-dashboard opens.
    """

    prunes = True
    # Whether it goes by all objectives, not by the first alone.
    follows_all = False

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        super().__init__(space, objectives, options)
        if options.pruner not in (None, *PRUNERS):
            raise UsageError(f"there is no pruner '{options.pruner}': choose {' or '.join(PRUNERS)}")
        if options.pruner and self.follows_all and len(objectives) > 1:
            raise UsageError("--pruner goes by one objective: leave it out, or name one in --objective")
        self._objectives = objectives if self.follows_all else objectives[:1]
        self._codes = {item.name: _Code(item) for item in self.hyperparameters.space if not _is_fixed(item)}
        self._asked: dict[str, optuna.Trial] = {}
        self._values: dict[str, list[float]] = {}
        self._stopped: set[str] = set()
        self._shown: optuna.Study | None = None

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        """The sampler for one suggestion."""
        raise NotImplementedError

    @property
    def startup(self) -> int:
        """How many trials the sampler may see before it speaks."""
        return min(max((self.options.trials or MOST * SHARE) // SHARE, FEWEST), MOST)

    def rungs(self, trial_id: str) -> tuple[int, ...]:
        if self.options.pruner is None:
            return (self.options.epochs,)
        epochs, found = 1, []
        while 2 * epochs <= self.options.epochs:
            found.append(epochs)
            epochs *= FACTOR
        return (*found, self.options.epochs)

    def keeps(self, trial_id: str, epoch: int, score: float) -> bool:
        trial = self._asked[trial_id]
        trial.report(score, epoch)
        if trial.should_prune():
            self._stopped.add(trial_id)
        return trial_id not in self._stopped

    def suggest(self, trial_id: str) -> Answer:
        if self.first is not None and not self._duplicate(self.first):
            return self._begin(trial_id, dict(self.first))
        values: Values = {}
        for attempt in range(ATTEMPTS):
            trial = self._ask(attempt)
            values = self._define(trial)
            if not self._duplicate(values):
                return self._take(trial_id, trial, values)
            self._study.tell(trial, state=TrialState.FAIL)
        answer = self.instead_of(values)
        return self._begin(trial_id, answer["values"]) if answer["status"] == RUNNING else answer

    def populate_space(self, trial_id: str) -> Answer:
        answer = super().populate_space(trial_id)
        if self._recorded is not None and not self.suggests_again:
            self._begin(trial_id, answer["values"])
        return answer

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        self._values[trial_id] = [metrics[one.name] for one in self._objectives]
        return super().update_trial(trial_id, metrics, step)

    def end_trial(self, trial: Any) -> None:
        super().end_trial(trial)
        asked, values = self._asked.pop(trial.trial_id), self._values.pop(trial.trial_id, None)
        if values is None or trial.trial_id in self._stopped:
            # To its samplers what was stopped is worse than what was not; so is what could not be trained.
            ended = self._study.tell(asked, state=TrialState.PRUNED)
        else:
            ended = self._study.tell(asked, values)
        if self.options.folder is not None:
            self._show(ended, self.options.folder / FILE)

    def _begin(self, trial_id: str, values: Values) -> Answer:
        """A trial of these values in the study."""
        codes = {name: code for name, code in self._codes.items() if name in values}
        self._study.enqueue_trial({name: code.encode(values[name]) for name, code in codes.items()})
        trial = self._ask(0)
        self._define(trial)
        return self._take(trial_id, trial, values)

    def _take(self, trial_id: str, trial: "optuna.Trial", values: Values) -> Answer:
        trial.set_user_attr("trial", 1 + int(trial_id))
        trial.set_user_attr("hyperparameters", values)
        self._asked[trial_id] = trial
        return {"status": RUNNING, "values": values}

    def _ask(self, attempt: int) -> "optuna.Trial":
        seed = int(self.random(2, attempt).integers(2**31))
        with _no_warnings():
            told = self._recorded is not None and not self.suggests_again
            self._study.sampler = samplers.RandomSampler(seed) if told else self.sampler(seed)
            return self._study.ask()

    def _define(self, trial: "optuna.Trial") -> Values:
        """Every hyperparameter that exists beside those before it."""
        values: Values = {}
        for item in self.hyperparameters.space:
            if exists(item, values):
                values[item.name] = self._codes[item.name].ask(trial) if item.name in self._codes else item.value
        return values

    @cached_property
    def _study(self) -> "optuna.Study":
        """What the sampler goes by, in memory."""
        return self._created(None)

    def _show(self, ended: "optuna.trial.FrozenTrial", file: Path) -> None:
        """Add a trial to the file that others look at, with values instead of places."""
        codes = {name: self._codes[name] for name in ended.params}
        values = ended.user_attrs["hyperparameters"]
        ended.distributions = {name: code.shown for name, code in codes.items()}
        ended.params = {name: values[name] for name in codes}
        try:
            if self._shown is None:
                file.unlink(missing_ok=True)
                self._shown = self._created(JournalStorage(JournalFileBackend(str(file))))
                with _no_warnings():
                    self._shown.set_metric_names([one.name for one in self._objectives])
            self._shown.add_trial(ended)
        except OSError as error:
            raise unwritten(file, error) from error

    def _created(self, storage: "JournalStorage | None") -> "optuna.Study":
        optuna.logging.set_verbosity(logging.ERROR)
        directions = ["maximize" if one.direction == "max" else "minimize" for one in self._objectives]
        return optuna.create_study(
            storage=storage, study_name=STUDY, directions=directions, pruner=_pruner(self.options.pruner)
        )


class TPE(_Optuna):
    """Tree-structured Parzen estimators: what good trials had more often than others (Bergstra et al. 2011)."""

    follows_all = True

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        return samplers.TPESampler(
            n_startup_trials=self.startup, multivariate=True, group=True, constant_liar=True, seed=seed
        )


class NSGA2(_Optuna):
    """A population that approaches the Pareto front of several objectives (Deb et al. 2002)."""

    follows_all = True
    suggests_again = True

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        return samplers.NSGAIISampler(population_size=population(self.options.trials), seed=seed)


class CMAES(_Optuna):
    """CMA-ES over the numbers that always exist, for many trials; all else by TPE (Hansen 2016)."""

    suggests_again = True

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        others = samplers.TPESampler(n_startup_trials=self.startup, multivariate=True, group=True, seed=seed)
        space = {
            item.name: self._codes[item.name].distribution
            for item in self.hyperparameters.space
            if not item.conditions and item.name in self._codes and self._codes[item.name].ordered
        }
        return _Always(space, independent_sampler=others, warn_independent_sampling=False, seed=seed)


class _Always(samplers.CmaEsSampler):  # type: ignore[misc]
    """Its own space is what all trials so far had, and with another one it gives up."""

    def __init__(self, space: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._always = {name: one for name, one in space.items() if not one.single()}

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return self._always


class GP(_Optuna):
    """A Gaussian process whose length scales differ by hyperparameter; needs PyTorch."""

    def __init__(self, space: Any, objectives: Any, options: Options) -> None:
        if find_spec("torch") is None:
            raise UsageError("the strategy gp needs a package that is not there: pip install torch")
        super().__init__(space, objectives, options)

    def sampler(self, seed: int) -> "samplers.BaseSampler":
        return samplers.GPSampler(n_startup_trials=self.startup, warn_independent_sampling=False, seed=seed)


class _Code:
    """A hyperparameter as Optuna knows it; of ordered values that are no range of integers, their places."""

    def __init__(self, item: Any) -> None:
        self._name, self._places = item.name, None
        self.ordered = type(item).__name__ != "Boolean" and getattr(item, "ordered", True)
        if is_continuum(item):
            low, high, log = item.min_value, item.max_value, item.sampling == "log"
            self.distribution = self.shown = distributions.FloatDistribution(low, high, log=log)
            return
        values = every_value(item)
        if not self.ordered:
            self.distribution = distributions.CategoricalDistribution(values)
        elif type(item).__name__ == "Int" and item.sampling == "linear":
            self.distribution = distributions.IntDistribution(values[0], values[-1], step=item.step)
        else:
            self.distribution = distributions.IntDistribution(0, len(values) - 1)
            self._places = values
        self.shown = distributions.CategoricalDistribution(values) if self._places else self.distribution

    def ask(self, trial: "optuna.Trial") -> Any:
        """The value for this trial."""
        one = self.distribution
        if isinstance(one, distributions.CategoricalDistribution):
            return trial.suggest_categorical(self._name, one.choices)
        if isinstance(one, distributions.FloatDistribution):
            return trial.suggest_float(self._name, one.low, one.high, log=one.log)
        number = trial.suggest_int(self._name, one.low, one.high, step=one.step)
        return number if self._places is None else self._places[number]

    def encode(self, value: Any) -> Any:
        """A value as it is in the study."""
        return value if self._places is None else self._places.index(value)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Without Optuna's that something in it is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _is_fixed(item: Any) -> bool:
    return type(item).__name__ == "Fixed"


def _pruner(name: str | None) -> "pruners.BasePruner":
    if name == "median":
        return pruners.MedianPruner()
    return pruners.SuccessiveHalvingPruner(1, FACTOR) if name == "asha" else pruners.NopPruner()
