"""Search a domain's space with KerasTuner."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras_tuner

from suite.domain import Domain
from suite.errors import SuiteError
from suite.training import evaluate, fit
from suite.training.callbacks import Progress
from suite.training.data import Prepared
from suite.training.fit import Settings
from tuning import strategies
from tuning.hypermodel import DomainHyperModel

STATUS = {"COMPLETED": "completed", "INVALID": "infeasible", "FAILED": "failed"}
OWN = "tuner/"


@dataclass(frozen=True)
class Trial:
    """One network that was tried; `score` is the objective on validation, None where there is none."""

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
    seconds: dict[str, float] = {}
    started = perf_counter()
    with tempfile.TemporaryDirectory(prefix="suite-tune-") as folder:
        budget = strategies.Budget(trials, settings.epochs, settings.seed, Path(folder))
        tuner = strategies.create(strategy, hypermodel, objective, budget)
        _watch(tuner, seconds, on_trial)
        try:
            tuner.search(**({} if strategy == "hyperband" else {"epochs": settings.epochs}), verbose=0)
        except RuntimeError as error:  # KerasTuner's word for several failed trials in a row
            raise SuiteError(f"the search gave up: {_reason(str(error))}") from error
        found = [_trial(trial, seconds) for trial in tuner.oracle.trials.values()]
    completed = [trial for trial in found if trial.status == "completed" and trial.score is not None]
    if not completed:
        reason = next((trial.message for trial in tuner.oracle.trials.values() if trial.message), "")
        raise SuiteError(f"none of {len(found)} trials could be trained: {_reason(reason)}")
    best = max(completed, key=lambda trial: direction * (trial.score or 0.0))
    return Search(strategy, objective.name, found, best, perf_counter() - started)


def _reason(message: str) -> str:
    """The line of a trial's traceback that says what was wrong; TensorFlow puts the place in its graph after it."""
    lines = [line.strip() for line in message.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[[")), "no reason was given")


def _watch(tuner: Any, seconds: dict[str, float], on_trial: Callable[[Trial], None]) -> None:
    """Have the tuner tell how long each trial took, and when it ended."""
    begin, end = tuner.on_trial_begin, tuner.on_trial_end

    def on_begin(trial: Any) -> None:
        seconds[trial.trial_id] = perf_counter()
        begin(trial)

    def on_end(trial: Any) -> None:
        end(trial)
        seconds[trial.trial_id] = perf_counter() - seconds[trial.trial_id]
        on_trial(_trial(tuner.oracle.get_trial(trial.trial_id), seconds))

    tuner.on_trial_begin, tuner.on_trial_end = on_begin, on_end


def _trial(trial: Any, seconds: dict[str, float]) -> Trial:
    values = {name: value for name, value in trial.hyperparameters.values.items() if not name.startswith(OWN)}
    score = None if trial.score is None else float(trial.score)
    status = STATUS.get(trial.status, trial.status.lower())
    return Trial(trial.trial_id, status, values, score, round(seconds.get(trial.trial_id, 0.0), 2))
