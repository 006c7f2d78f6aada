"""`suite fit`: train a domain's network and save it."""

import shlex
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from suite.cli import options
from suite.cli.output import Output, metric_lines


@click.command(epilog="Example: suite fit fraud --data payments.csv --label-column is_fraud --name payments")
@click.argument("domain")
@options.data
@options.training
@click.option(
    "--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a hyperparameter; may be repeated."
)
@click.option(
    "--hp",
    "file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Take hyperparameters from a JSON file or a card.json.",
)
@options.common
def command(
    domain: str,
    source: str | None,
    name: str | None,
    epochs: int | None,
    seed: int,
    assignments: tuple[str, ...],
    file: Path | None,
    models: Path,
    as_json: bool,
    quiet: bool,
    **reader: Any,
) -> None:
    """Train the network of DOMAIN and save it as the next version of a model.

    DOMAIN is image_cls, text_cls or fraud. Without --data it learns from a small built-in set.
    """
    fit(domain, source, name, epochs, seed, assignments, file, models, reader, Output(as_json, quiet))


def fit(
    domain_name: str,
    source: str | None,
    name: str | None,
    epochs: int | None,
    seed: int,
    assignments: tuple[str, ...],
    file: Path | None,
    models: Path,
    reader: dict[str, Any],
    output: Output,
) -> Path:
    """Train and save; return the artifact's folder."""
    from suite import artifact
    from suite.domain import get

    domain = get(domain_name)
    name = artifact.check_name(name or domain_name)
    started = perf_counter()
    output.say(f"fitting {domain_name}")

    from suite import domains
    from suite.training import hyperparameters

    values = (hyperparameters.read_file(file) if file else {}) | hyperparameters.parse(assignments)
    dataset = domains.load_data(domain, source, options.data_options(seed, reader))
    show_data(dataset, output)
    output.say("loading TensorFlow")

    from suite.config import load_tensorflow

    load_tensorflow()

    from suite import workflow
    from suite.training.callbacks import Report
    from suite.training.data import prepare

    prepared = prepare(domain, dataset)
    epochs = epochs or domain.recipe.epochs_for(len(prepared.rows["train"]))
    hp = workflow.choose(domain, prepared, epochs, values)
    with output.training() as report:
        shown = [Report(report, domain.objective)]
        outcome = workflow.train(domain, dataset, prepared, hp, epochs=epochs, seed=seed, callbacks=shown)
    output.say("saving and checking every engine against the SavedModel")
    folder, card = workflow.save(models, name, outcome, command=shlex.join(["suite", *sys.argv[1:]]))
    lines = [*metric_lines(card.metrics), *card.notes, f"saved {folder}", f"report {folder / 'report.html'}"]
    value = {
        "artifact": str(folder),
        "name": card.name,
        "version": card.version,
        "metrics": card.metrics,
        "seconds": round(perf_counter() - started, 1),
    }
    output.result(lines, value)
    return folder


def show_data(dataset: Any, output: Output) -> None:
    """Say what was found in the data."""
    for finding in dataset.detected:
        output.say(f"  {finding}")
    for note in dataset.notes:
        output.say(f"  note: {note}")
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in dataset.rows.items())
    output.say(f"  rows: {sizes}")
