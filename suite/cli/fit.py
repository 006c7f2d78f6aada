"""`suite fit`: train a domain's network and save it."""

import shlex
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from suite.cli import options
from suite.cli.output import Output, metric_lines

if TYPE_CHECKING:
    import keras

    from suite.data.dataset import Dataset
    from suite.domain import Domain
    from suite.training.fit import Resumable, Settings
    from suite.training.thresholds import Rule


@dataclass(frozen=True)
class Request:
    """What `suite fit` is asked for; every field but the domain and the store as if its option had not been given."""

    domain: str
    models: Path
    source: str | None = None
    name: str | None = None
    epochs: int | None = None
    seed: int = 0
    preset: str | None = None
    file: Path | None = None
    assignments: tuple[str, ...] = ()
    objective: str | None = None
    rule: "Rule | None" = None
    folds: int | None = None
    resume: bool = False
    checkpoint_seconds: float | None = None
    mlflow: bool = False
    onnx: bool = False
    reader: dict[str, Any] = field(default_factory=dict)


@click.command(epilog="Example: suite fit fraud --data payments.csv --label-column is_fraud --name payments")
@click.argument("domain")
@options.data
@options.training
@options.network
@options.threshold
@click.option(
    "--cv", "folds", type=click.IntRange(2, 50), help="First measure on this many folds: their mean and deviation."
)
@click.option("--resume", is_flag=True, help="Go on with a fit of this name that was killed, as if it had not been.")
@click.option(
    "--checkpoint-seconds", type=click.FloatRange(0), help="Keep the state for --resume this often (else every 10 s)."
)
@click.option("--mlflow", is_flag=True, help="Also write to MLflow ($MLFLOW_TRACKING_URI, else ./mlruns).")
@options.common
def command(
    domain: str,
    source: str | None,
    name: str | None,
    epochs: int | None,
    seed: int,
    preset: str | None,
    file: Path | None,
    assignments: tuple[str, ...],
    objective: str | None,
    folds: int | None,
    resume: bool,
    checkpoint_seconds: float | None,
    mlflow: bool,
    onnx: bool,
    models: Path,
    as_json: bool,
    quiet: bool,
    **others: Any,
) -> None:
    """Train the network of DOMAIN and save it as the next version of a model.

    DOMAIN is image_cls, text_cls or fraud. Without --data it learns from a small built-in set.
    """
    rule = options.take_rule(others)
    request = Request(
        domain, models, source, name, epochs, seed, preset, file, assignments, objective, rule, folds, resume,
        checkpoint_seconds, mlflow, onnx, others,
    )  # fmt: skip
    fit(request, Output(as_json, quiet))


def fit(request: Request, output: Output) -> Path:
    """Train and save; return the artifact's folder."""
    from suite import artifact
    from suite.domain import get

    domain = get(request.domain)
    name = artifact.check_name(request.name or request.domain)
    started = perf_counter()
    output.say(f"fitting {domain.name}")

    from suite import domains

    values, epochs = options.hyperparameters(domain, request.preset, request.file, request.assignments)
    dataset = domains.load_data(domain, request.source, options.data_options(request.seed, request.reader))
    show_data(dataset, output)
    output.say("loading TensorFlow")

    from suite.config import load_tensorflow

    load_tensorflow()

    from suite import workflow
    from suite.training import evaluate, onnx_model
    from suite.training.data import prepare
    from suite.training.fit import Settings

    if request.onnx:
        onnx_model.check_installed()
    rule = request.rule or workflow.F1
    workflow.check_rule(domain, dataset, rule)
    evaluate.check_objective(request.objective or domain.objective, len(dataset.labels))
    prepared = prepare(domain, dataset)
    epochs = request.epochs or epochs or domain.recipe.epochs_for(len(prepared.rows["train"]))
    settings = Settings(epochs, request.seed, request.objective or domain.objective)
    hp = workflow.choose(domain, prepared, epochs, values)
    folds = _cross_validate(domain, dataset, values, settings, rule, request.folds, output) if request.folds else {}
    resumable = _resumable(request, name, dataset)
    if request.resume and not resumable.file.exists():
        output.say(f"nothing to resume: no unfinished training of '{name}' in {request.models}; beginning one")
    trackers = _trackers(request, name, hp.values)
    with output.training() as report:
        outcome = workflow.train(
            domain, dataset, prepared, hp, settings, rule=rule, resumable=resumable,
            callbacks=[*trackers, _progress(report, settings)],
        )  # fmt: skip
    output.say("saving and checking every engine against the SavedModel")
    command_line = shlex.join(["suite", *sys.argv[1:]])
    folder, card = workflow.save(
        request.models, name, outcome, command=command_line, folds=folds, onnx=request.onnx
    )  # fmt: skip
    resumable.file.unlink(missing_ok=True)
    lines = [
        *metric_lines(card.metrics), *card.notes, *_dead_units(card.training["dead_units"]), f"saved {folder}",
        f"report {folder / 'report.html'}",
    ]  # fmt: skip
    value = {
        "artifact": str(folder),
        "name": card.name,
        "version": card.version,
        "metrics": card.metrics,
        "seconds": round(perf_counter() - started, 1),
    }
    output.result(lines, value | ({"cross_validation": folds} if folds else {}))
    return folder


def _dead_units(shares: dict[str, float]) -> list[str]:
    dead = ", ".join(f"{share:.1%} of {layer}" for layer, share in shares.items() if share)
    return [f"dead units after training: {dead}"] if dead else []


def _cross_validate(
    domain: "Domain", dataset: "Dataset", values: dict[str, Any], settings: "Settings", rule: "Rule", count: int,
    output: Output,
) -> dict[str, Any]:  # fmt: skip
    from suite import cross_validation

    folds = []
    with output.training() as report:
        scores = cross_validation.cross_validate(
            domain, dataset, values, settings, count, rule=rule,
            callbacks=lambda fold: [_progress(report, settings, f"fold {fold}/{count} ")],
        )  # fmt: skip
        for number, metrics in enumerate(scores, 1):
            output.say(f"fold {number}/{count}: test {settings.objective} {metrics[settings.objective]:.4f}")
            folds.append(metrics)
    summaries = cross_validation.summarise(folds)
    for metric, summary in summaries.items():
        output.say(f"{metric} over {count} folds: {summary.mean:.4f} ± {summary.deviation:.4f}")
    return {metric: asdict(summary) for metric, summary in summaries.items()}


def _resumable(request: Request, name: str, dataset: "Dataset") -> "Resumable":
    from suite.training import checkpoint
    from suite.training.fit import Resumable

    identity = {"domain": request.domain, "data": dataset.source}
    interval = checkpoint.INTERVAL if request.checkpoint_seconds is None else request.checkpoint_seconds
    return Resumable(checkpoint.path(request.models, name), identity, request.resume, interval)


def _trackers(request: Request, name: str, parameters: dict[str, Any]) -> "list[keras.callbacks.Callback]":
    from suite.training import tracking

    trackers = [tracking.tensorboard(request.models, name)]
    return [*trackers, tracking.MLflow(name, parameters)] if request.mlflow else trackers


def _progress(report: Any, settings: "Settings", prefix: str = "") -> "keras.callbacks.Callback":
    from suite.training.callbacks import Report

    return Report(report, settings.objective, prefix)


def show_data(dataset: "Dataset", output: Output) -> None:
    """Say what was found in the data."""
    for finding in dataset.detected:
        output.say(f"  {finding}")
    for note in dataset.notes:
        output.say(f"  note: {note}")
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in dataset.rows.items())
    output.say(f"  rows: {sizes}")
