"""Train a domain's network and save it: `suite fit` and `suite.fit`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from suite.api import steps
from suite.api.output import Output
from suite.errors import SuiteError, UsageError

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

    from suite.artifact import Card
    from suite.data.dataset import Dataset
    from suite.data.memory import Memory
    from suite.domain import Domain
    from suite.trained_model import TrainedModel
    from suite.training.data import PreparedData
    from suite.training.fit import CheckpointOptions, TrainingSettings
    from suite.training.thresholds import ThresholdRule


# The share of --time for trainings; what is left reads the data, exports and checks the network.
TRAINING_SHARE = 0.9
LIMITED_BY_TIME = "The training was limited by time: how far it gets depends on the machine."


@dataclass(frozen=True)
class FitRequest:
    """What to fit, and how; the defaults are those of options that are not given.

    `source` is a path, a built-in name or data in memory; `reader` holds the reader's options that people set.
    `command` is what repeats the fit, as the card tells it.
    """

    domain: str
    models: Path
    source: "str | Memory | None" = None
    name: str | None = None
    epochs: int | None = None
    seed: int = 0
    seconds: float | None = None
    retrain: bool = True
    preset: str | None = None
    file: Path | None = None
    assignments: Mapping[str, Any] = field(default_factory=dict)
    objective: str | None = None
    rule: "ThresholdRule | None" = None
    folds: int | None = None
    resume: bool = False
    checkpoint_seconds: float | None = None
    mlflow: bool = False
    onnx: bool = False
    reader: dict[str, Any] = field(default_factory=dict)
    command: str | None = None


@dataclass(frozen=True)
class Saved:
    """A saved version: its folder, its card, and how long that took in seconds."""

    folder: Path
    card: "Card"
    seconds: float


@dataclass(frozen=True)
class _Job:
    """A checked request: what to train, on which data, and how."""

    domain: "Domain"
    dataset: "Dataset"
    prepared: "PreparedData"
    values: dict[str, Any]
    hp: "HyperParameters"
    settings: "TrainingSettings"
    rule: "ThresholdRule"


def fit(request: FitRequest, output: Output) -> Saved:
    """Train and save."""
    from suite import artifact
    from suite.domain import get

    started = perf_counter()
    if request.seconds is not None and request.folds is not None:
        raise UsageError("--time bounds one training and --cv asks for several: leave one of them out")
    domain = get(request.domain)
    steps.need_training()
    name = artifact.check_name(request.name or request.domain)
    output.say(f"fitting {domain.name}")
    values, epochs = steps.hyperparameters(domain, request.preset, request.file, request.assignments)
    if request.resume and request.source is None:
        request = _with_data_to_resume(request, name, output)
    dataset = steps.read_data(domain, request.source, request.seed, request.reader, output)
    steps.load_tensorflow(output)
    job = _check(request, domain, dataset, values, epochs)
    folds = _cross_validate(job, request.folds, output) if request.folds else {}

    from suite import saving

    left = None if request.seconds is None else TRAINING_SHARE * request.seconds - (perf_counter() - started)
    with _checkpoint_options(request, name, job, output) as checkpoint:
        trained = _train(job, request, name, checkpoint, left, output)
        output.say("saving and checking every engine against the SavedModel")
        command = request.command or steps.command_line(request.source, request.reader)
        folder, card = saving.save(
            request.models, name, trained, command=command, folds=folds, onnx=request.onnx,
            varies="" if request.seconds is None else LIMITED_BY_TIME,
        )  # fmt: skip
        checkpoint.file.unlink(missing_ok=True)
    return Saved(folder, card, round(perf_counter() - started, 1))


def _check(
    request: FitRequest, domain: "Domain", dataset: "Dataset", values: dict[str, Any], preset_epochs: int | None
) -> _Job:
    """Check the request before anything is trained; UsageError if it makes no sense."""
    from suite import workflow
    from suite.training import onnx_model
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings
    from suite.training.model import recipe_of, rows_of_epoch

    if request.onnx:
        onnx_model.check_installed()
    rule = request.rule or workflow.DEFAULT_RULE
    workflow.check_rule(domain, dataset, rule)
    prepared = prepare(domain, dataset)
    objective = request.objective or prepared.task.objective
    prepared.task.check_objective(objective, len(dataset.labels))
    recipe = recipe_of(domain, prepared, values)
    epochs = request.epochs or preset_epochs or recipe.epochs_for(rows_of_epoch(prepared, values))
    hp = workflow.resolve_hyperparameters(domain, prepared, epochs, values)
    return _Job(domain, dataset, prepared, values, hp, TrainingSettings(epochs, request.seed, objective), rule)


def _train(
    job: _Job, request: FitRequest, name: str, checkpoint: "CheckpointOptions", seconds: float | None, output: Output
) -> "TrainedModel":
    """Train, and train again on all rows but those of the test, in at most about `seconds`."""
    from suite import workflow

    if request.resume and not checkpoint.file.exists():
        output.say(f"nothing to resume: no unfinished training of '{name}' in {request.models}; beginning one")
    trackers = _trackers(request, name, job.hp.values)
    known, rows = len(job.dataset.known_rows), len(job.dataset.rows["train"])
    base_seconds = _fit_base_models(job, output)
    # A retraining takes longer by as much as it has more rows, and so do its base models.
    again = known / rows if request.retrain else 0.0
    first = None if seconds is None else (seconds - base_seconds * (1 + again)) / (1 + again)
    with output.training() as report:
        trained = workflow.train(
            job.domain, job.dataset, job.prepared, job.hp, job.settings, rule=job.rule, checkpoint=checkpoint,
            callbacks=[*trackers, _progress_reporter(report, job.settings)], max_seconds=first,
        )  # fmt: skip
    if not request.retrain:
        return trained
    needed = trained.fitted.seconds + workflow.retraining_seconds(trained) + base_seconds * (1 + again)
    if seconds is not None and needed > seconds:
        output.say("no time is left to train it again on training and validation rows together: skipped")
        return trained
    output.say(f"training it again on all {known:,} rows but those of the test, for {trained.fitted.best_epoch} epochs")
    with output.training() as report:
        return workflow.retrain(trained, [_progress_reporter(report, job.settings, "again ")])


def _fit_base_models(job: _Job, output: Output) -> float:
    """Fit the models that the network corrects, if it corrects any; the seconds that it took."""
    from suite.training.model import base_members

    started, base = perf_counter(), job.prepared.base
    members = base_members(job.prepared, job.hp.values)
    if base is None or not members:
        return 0.0
    output.say(f"fitting the base models that the network corrects: {', '.join(members)}")
    base.fit(members)
    return perf_counter() - started


def _cross_validate(job: _Job, count: int, output: Output) -> dict[str, Any]:
    """The metrics over folds, for the card."""
    from suite import cross_validation

    objective = job.settings.objective
    folds = []
    with output.training() as report:
        scores = cross_validation.cross_validate(
            job.domain, job.dataset, job.values, job.settings, count, rule=job.rule,
            callbacks=lambda fold: [_progress_reporter(report, job.settings, f"fold {fold}/{count} ")],
        )  # fmt: skip
        for number, metrics in enumerate(scores, 1):
            reached = f"{metrics[objective]:.4f}" if objective in metrics else "undefined"
            output.say(f"fold {number}/{count}: test {objective} {reached}")
            folds.append(metrics)
    summaries = cross_validation.summarise(folds)
    for metric, summary in summaries.items():
        output.say(f"{metric} over {count} folds: {summary.mean:.4f} ± {summary.deviation:.4f}")
    return {metric: asdict(summary) for metric, summary in summaries.items()}


@contextmanager
def _checkpoint_options(request: FitRequest, name: str, job: _Job, output: Output) -> "Iterator[CheckpointOptions]":
    """Where the training's state is kept, in a file that no other fit of this name uses meanwhile."""
    from suite.training import checkpoint, checkpoint_file, checkpoint_slots
    from suite.training.fit import CheckpointOptions, identify

    identity = {"domain": request.domain, "data": job.dataset.source}
    ours = identify(identity, job.settings, job.hp)
    seconds = request.checkpoint_seconds
    interval = checkpoint.SAVE_INTERVAL if seconds is None else seconds
    with checkpoint_slots.reserved(request.models, name, ours if request.resume else None) as file:
        try:
            yield CheckpointOptions(file, identity, request.resume, interval)
        except KeyboardInterrupt:
            if checkpoint_file.has_settings(file, ours):
                output.say("the training goes on from its last saved epoch with --resume")
            raise


def _with_data_to_resume(request: FitRequest, name: str, output: Output) -> FitRequest:
    """The request with the data of the training to resume, if there is one; options that are given win."""
    from suite.training import checkpoint_file, checkpoint_slots

    for file in checkpoint_slots.unfinished(request.models, name):
        try:
            data = checkpoint_file.read_settings(file)["data"]
        except SuiteError:
            continue
        source, reader = steps.data_to_resume(data, request.reader, output)
        return replace(request, source=source, reader=reader)
    return request


def _trackers(request: FitRequest, name: str, parameters: dict[str, Any]) -> "list[keras.callbacks.Callback]":
    from suite.training import tracking

    trackers = [tracking.tensorboard(request.models, name)]
    return [*trackers, tracking.MLflow(name, parameters)] if request.mlflow else trackers


def _progress_reporter(report: Any, settings: "TrainingSettings", prefix: str = "") -> "keras.callbacks.Callback":
    from suite.training.callbacks import ProgressReporter

    return ProgressReporter(report, settings.objective, prefix)
