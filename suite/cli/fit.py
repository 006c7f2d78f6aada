"""`suite fit`: train a domain's network and save it."""

from typing import Any

import click

from suite.api import steps
from suite.api.fit import FitRequest, Saved, fit
from suite.api.keywords import RANGES
from suite.api.output import Output
from suite.cli import complete, options, stopping


@click.command(epilog="Example: suite fit fraud --data payments.csv --label-column is_fraud --name payments")
@click.argument("domain", shell_complete=complete.domain)
@options.data
@options.training
@options.network
@options.threshold
@click.option(
    "--cv", "folds", type=click.IntRange(*RANGES["fit_folds"]), help="First cross-validate on this many folds."
)
@click.option("--resume", is_flag=True, help="Resume a fit of this name that was killed.")
@click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(0),
    help="Seconds between saves of the state for --resume (default: 10).",
)
@click.option("--mlflow", is_flag=True, help="Also write to MLflow ($MLFLOW_TRACKING_URI, else ./mlruns).")
@options.common
def command(as_json: bool, quiet: bool, **values: Any) -> None:
    """Train the network of DOMAIN and save it as the next version of a model.

    DOMAIN is image_cls, text_cls, table or fraud. Without --data it learns from a small built-in data set.
    """
    rule = options.pop_threshold_rule(values)
    reader = options.pop_reader_options(values)
    assignments = options.pop_assignments(values)
    output = Output(as_json, quiet)
    with stopping.soon():
        show(fit(FitRequest(**values, assignments=assignments, rule=rule, reader=reader), output), output)


def show(saved: Saved, output: Output) -> None:
    """Print what was saved."""
    training = saved.card.training
    folds = training["cross_validation"]
    value = steps.saved_json(saved.folder, saved.card) | {"seconds": saved.seconds}
    lines = steps.saved_lines(saved.folder, saved.card, *_dead_units(training["dead_units"]))
    output.result(lines, value | ({"cross_validation": folds} if folds else {}))


def _dead_units(shares: dict[str, float]) -> list[str]:
    dead = ", ".join(f"{share:.1%} of {layer}" for layer, share in shares.items() if share)
    return [f"dead units after training: {dead}"] if dead else []
