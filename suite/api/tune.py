"""Search for a domain's best network, train it and save it: `suite tune` and `suite.tune`."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.api import search_display, steps
from suite.api.fit import Saved
from suite.api.output import Output
from suite.errors import UsageError, unknown
from suite.search_record import Objective, Trial
from tuning.trial_selection import SelectionRule

if TYPE_CHECKING:
    from suite.data.dataset import Dataset
    from suite.data.memory import Memory
    from suite.domain import Domain
    from suite.trained_model import TrainedModel
    from suite.training.data import PreparedData
    from suite.training.thresholds import ThresholdRule
    from tuning.plan import SearchPlan
    from tuning.result import SearchResult

DEFAULT_SECONDS = 600.0


@dataclass(frozen=True)
class TuneRequest:
    """What to search, and how; as in FitRequest."""

    domain: str
    models: Path
    strategy: str = "hyperband"
    pruner: str | None = None
    warm_start: str | None = None
    budget: tuple[str, ...] = ()
    trials: int | None = None
    seconds: float | None = None
    folds: int | None = None
    repeats: int = 1
    workers: int | None = None
    timeout: float | None = None
    ray: str | None = None
    resume: bool = False
    retrain: bool = True
    pick: SelectionRule | None = None
    sets: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    space: Path | None = None
    source: "str | Memory | None" = None
    name: str | None = None
    epochs: int | None = None
    seed: int = 0
    objective: str | None = None
    onnx: bool = False
    rule: "ThresholdRule | None" = None
    reader: dict[str, Any] = field(default_factory=dict)
    command: str | None = None


@dataclass(frozen=True)
class Found:
    """The best network of a search as it was saved, its trial, and all trials."""

    saved: Saved
    best: Trial
    trials: list[Trial]


@dataclass(frozen=True)
class _Job:
    """A checked request: what to search, on which data, and how."""

    request: TuneRequest
    name: str
    domain: "Domain"
    dataset: "Dataset"
    prepared: "PreparedData"
    plan: "SearchPlan"
    rule: "ThresholdRule"


def tune(request: TuneRequest, output: Output) -> Found:
    """Search, train the best network and save it."""
    from suite import artifact
    from suite.domain import get

    started = time.time()
    domain = get(request.domain)
    steps.need_training()
    name = artifact.check_name(request.name or request.domain)
    output.say(f"tuning {request.domain}")
    if request.resume and request.source is None:
        request = _with_data_to_resume(request, name, output)
    dataset = steps.read_data(domain, request.source, request.seed, request.reader, output)
    steps.load_tensorflow(output)

    from suite import saving
    from tuning import search_folder, trial_selection

    job = _check(request, name, domain, dataset)
    state = search_folder.search_folder(request.models, name)
    with search_folder.locked(state), search_display.resume_hint(output):
        result = _search(job, started, output)
        best = trial_selection.select(request.pick, job.plan.objectives, result.trials)
        best, trained = _train_best(job, result, best, output)
        command = request.command or steps.command_line(request.source, request.reader)
        folder, card = saving.save(
            request.models, name, trained, command=command,
            varies=job.plan.varies, search=result.to_json(best),
            runners_up=result.runners_up(best, domain, job.prepared), onnx=request.onnx,
        )  # fmt: skip
        result.delete_states()
    return Found(Saved(folder, card, round(time.time() - started, 1)), best, result.trials)


def _with_data_to_resume(request: TuneRequest, name: str, output: Output) -> TuneRequest:
    """The request with the data of the search to resume, if there is one; options that are given win."""
    from tuning import search_folder

    identity = search_folder.identity_to_resume(search_folder.search_folder(request.models, name))
    if identity is None:
        return request
    source, reader = steps.data_to_resume(identity["data"], request.reader, output)
    return replace(request, source=source, reader=reader)


def _check(request: TuneRequest, name: str, domain: "Domain", dataset: "Dataset") -> _Job:
    """Check the request before anything is trained; UsageError if it makes no sense."""
    from suite import task as tasks
    from suite import workflow
    from suite.training import onnx_model
    from suite.training.data import prepare
    from suite.training.model import recipe_of, rows_of_epoch
    from tuning import objectives, space_restriction, trial_selection

    if request.onnx:
        onnx_model.check_installed()
    task = tasks.get(domain.task_of(dataset))
    wanted = objectives.parse(request.objective or task.objective, task, len(dataset.labels))
    rule = request.rule or workflow.DEFAULT_RULE
    workflow.check_rule(domain, dataset, rule)
    prepared = prepare(domain, dataset)
    settled = space_restriction.parse(request.sets, request.fixes, request.space).single_values
    recipe = recipe_of(domain, prepared, settled)
    epochs = request.epochs or recipe.epochs_for(rows_of_epoch(prepared, settled))
    plan = _plan(request, trial_selection.with_cost_of(request.pick, wanted), epochs)
    return _Job(request, name, domain, dataset, prepared, plan, rule)


def _check_ranking(request: TuneRequest) -> None:
    """UsageError for a ranking that is unknown, or that a search would not use."""
    from tuning.ranking_methods import METHODS

    if request.warm_start is not None and request.warm_start not in METHODS:
        raise unknown("ranking to warm-start with", request.warm_start, list(METHODS))
    if request.strategy not in METHODS and request.warm_start is None:
        return
    if request.strategy in METHODS and request.warm_start is not None:
        raise UsageError(f"{request.strategy} begins with its own ranking: leave --warm-start out")
    if request.trials == 1:
        raise UsageError("the first trial is the default network: with a ranking, give at least --trials 2")


def _plan(request: TuneRequest, objectives: list[Objective], epochs: int) -> "SearchPlan":
    from tuning.objectives import parse_limits
    from tuning.plan import SearchPlan

    _check_ranking(request)
    unbounded = request.seconds is None and request.trials is None
    return SearchPlan(
        request.strategy,
        objectives,
        epochs,
        request.seed,
        request.trials,
        DEFAULT_SECONDS if unbounded else request.seconds,
        request.folds or 1,
        request.repeats,
        request.workers or 1,
        int(request.retrain),
        request.pruner,
        request.warm_start,
        parse_limits(request.budget),
    )


def _search(job: _Job, started: float, output: Output) -> "SearchResult":
    from tuning import search_folder, space_restriction, tracking
    from tuning.tune import WorkerOptions, tune

    request = job.request
    folder = search_folder.search_folder(request.models, job.name)
    if request.resume and not search_folder.can_resume(folder):
        output.say(f"nothing to resume: no search of '{job.name}' in {request.models}; beginning one")
    with search_display.SearchDisplay(job.plan, output) as display:
        return tune(
            job.domain, job.dataset, job.prepared, job.plan,
            space_restriction.parse(request.sets, request.fixes, request.space),
            WorkerOptions(request.workers, request.timeout, request.ray), folder, resume=request.resume,
            callbacks=display.callbacks(tracking.hparams_writer(request.models, job.name)), report=display.report,
            started=started,
        )  # fmt: skip


def _train_best(job: _Job, result: "SearchResult", best: Trial, output: Output) -> "tuple[Trial, TrainedModel]":
    """The winner, trained to its last epoch; then, if the plan says so, again on training and validation rows.

    A network that was promising when its training was stopped wins only if it is better at the end of it.
    """
    from suite import workflow
    from suite.training.callbacks import ProgressReporter
    from tuning.trial_selection import DEFAULT_TRIAL

    plan = result.plan
    objective = plan.objectives[0]
    trained = None
    contender = None if job.request.pick else result.contender()
    if contender:
        output.say(f"trial {contender.id} was the best after {contender.epochs} epochs: now training it to the end")
        trained = _train(job, result, contender, output)
        result.finish(contender, trained.fitted.history, trained.fitted.best_epoch)
        if objective.sign * ((contender.score or 0.0) - (best.score or 0.0)) > 0:
            best = contender
        else:
            trained = None
    if best.id == DEFAULT_TRIAL and len(result.trials) > 1:
        output.say("no network was better on validation than the default one, which is kept")
    if trained is None:
        output.say(f"best: trial {best.id} with {objective.name} {best.score:.4f}; now training it to the end")
        trained = _train(job, result, best, output)
    if not plan.retrainings:
        return best, trained
    if not result.has_time_for(workflow.retraining_seconds(trained), best):
        output.say("no time is left to train it again on training and validation rows together: skipped")
        return best, trained
    output.say("training it again on training and validation rows together")
    with output.training() as report:
        return best, workflow.retrain(trained, [ProgressReporter(report, str(objective.metric))])


def _train(job: _Job, result: "SearchResult", trial: Trial, output: Output) -> "TrainedModel":
    """A trial's network, trained to its last epoch, or as far as the time allows."""
    from suite import workflow
    from suite.training import tracking
    from suite.training.callbacks import ProgressReporter
    from suite.training.fit import TrainingSettings
    from tuning.runner import time_limit

    plan = result.plan
    hp = workflow.resolve_hyperparameters(job.domain, job.prepared, plan.epochs, trial.hyperparameters)
    settings = TrainingSettings(plan.epochs, plan.seed, str(plan.objectives[0].metric))
    deadline = result.deadline(trial)
    limits = [] if deadline is None else [time_limit(deadline)]
    with output.training() as report:
        return workflow.train(
            job.domain, job.dataset, job.prepared, hp, settings, rule=job.rule,
            checkpoint=result.checkpoint_options(trial),
            callbacks=[
                tracking.tensorboard(job.request.models, job.name), ProgressReporter(report, settings.objective),
                *limits,
            ],
        )  # fmt: skip
