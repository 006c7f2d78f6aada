"""Search a domain's space with KerasTuner."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras_tuner
from keras_tuner.src import config as keras_tuner_config

from suite.domain import Domain
from suite.errors import SuiteError
from suite.training import evaluate, fit
from suite.training.callbacks import Progress
from suite.training.data import Prepared
from suite.training.fit import Settings
from tuning import strategies
from tuning.hypermodel import DomainHyperModel

# Else it prints the traceback of every trial that is not completed.
keras_tuner_config.DEBUG = False
OWN = "tuner/"
# Networks that cannot be built cost no training: so many are passed over for each one that is to be tried.
PASSED_OVER = 10
MOST_FAILURES = 3


@dataclass(frozen=True)
class Trial:
    """One network that was tried; `score` is the objective on validation, None where there is none.

    `status` is completed, infeasible (the network cannot be built) or failed (its training ended in an error).
    """

    id: str
    status: str
    hyperparameters: dict[str, Any]
    score: float | None
    seconds: float


@dataclass
class Search:
    """A finished search: every trial in order, and the best."""

    strategy: str
    objective: str
    trials: list[Trial]
    best: Trial
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """For the card."""
        return {**asdict(self), "best": self.best.id}


def search(
    domain: Domain,
    prepared: Prepared,
    *,
    strategy: str,
    trials: int,
    settings: Settings,
    on_progress: Callable[[Progress], None],
    on_trial: Callable[[Trial], None],
) -> Search:
    """Try up to `trials` networks; SuiteError if none of them could be trained.

    `on_progress` hears of the running trial, `on_trial` of each that ended.
    """
    fit.seed_everything(settings.seed)
    direction = evaluate.direction(settings.objective)
    objective = keras_tuner.Objective(f"val_{settings.objective}", "max" if direction > 0 else "min")
    hypermodel = DomainHyperModel(domain, prepared, settings, on_progress)
    started = perf_counter()
    with tempfile.TemporaryDirectory(prefix="suite-tune-") as folder:
        budget = strategies.Budget(trials, settings.epochs, settings.seed, Path(folder))
        tuner = strategies.create(strategy, hypermodel, objective, budget)
        watch = _Watch(tuner, hypermodel, trials, on_trial)
        tuner.search(**({} if strategy == "hyperband" else {"epochs": settings.epochs}), verbose=0)
    completed = [trial for trial in watch.ended if trial.status == "completed" and trial.score is not None]
    if not completed:
        raise SuiteError(f"none of {len(watch.ended)} trials could be trained: {watch.reason}")
    best = max(completed, key=lambda trial: direction * (trial.score or 0.0))
    return Search(strategy, objective.name, watch.ended, best, perf_counter() - started)


class _Watch:
    """Hears of each trial's begin and end: notes it, gives back what an infeasible one took of the budget, and ends a
    search in which trial after trial fails."""

    def __init__(
        self, tuner: Any, hypermodel: DomainHyperModel, trials: int, on_trial: Callable[[Trial], None]
    ) -> None:
        self.ended: list[Trial] = []
        self.reason = "no reason was given"
        self._oracle, self._hypermodel, self._on_trial = tuner.oracle, hypermodel, on_trial
        self._begin, self._end = tuner.on_trial_begin, tuner.on_trial_end
        self._most = trials * (1 + PASSED_OVER)
        self._failures = 0
        self._started = 0.0
        # KerasTuner makes no difference between a network that cannot be built and one whose training fails, and its
        # own count must never be reached: what is wrong is told here.
        self._oracle.max_consecutive_failed_trials = self._most + 1
        tuner.on_trial_begin, tuner.on_trial_end = self._on_begin, self._on_end

    def _on_begin(self, trial: Any) -> None:
        self._started = perf_counter()
        self._begin(trial)

    def _on_end(self, trial: Any) -> None:
        self._end(trial)
        ended = self._trial(self._oracle.get_trial(trial.trial_id))
        self.ended.append(ended)
        self._on_trial(ended)
        if ended.status == "infeasible":
            self.reason = str(self._hypermodel.infeasible)
            self._oracle.max_trials = min(self._oracle.max_trials + 1, self._most)
            return
        self._failures = 0 if ended.status == "completed" else self._failures + 1
        if ended.status == "failed":
            self.reason = _reason(trial.message or "")
        if self._failures == MOST_FAILURES:
            raise SuiteError(f"the search gave up after {MOST_FAILURES} trials in a row failed: {self.reason}")

    def _trial(self, trial: Any) -> Trial:
        values = {name: value for name, value in trial.hyperparameters.values.items() if not name.startswith(OWN)}
        status = "infeasible" if self._hypermodel.infeasible else trial.status.lower()
        score = None if trial.score is None else float(trial.score)
        return Trial(
            trial.trial_id, status, self._hypermodel.asked(values), score, round(perf_counter() - self._started, 2)
        )


def _reason(message: str) -> str:
    """The line of a trial's traceback that says what was wrong; TensorFlow puts the place in its graph after it."""
    lines = [line.strip() for line in message.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[[")), "no reason was given")
