"""Options that several verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from suite.data.options import DataOptions

Command = TypeVar("Command", bound=Callable[..., Any])


def common(command: Command) -> Command:
    """What every verb takes: --models, --json, --quiet, --debug."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."),
        click.option("--quiet", is_flag=True, help="Print results only, no progress."),
        click.option(
            "--json", "as_json", is_flag=True, help="End standard output with one JSON object; progress goes elsewhere."
        ),
        click.option(
            "--models", type=click.Path(file_okay=False, path_type=Path), envvar="SUITE_MODELS", default="saved_models",
            show_default=True, help="The folder of saved models (or $SUITE_MODELS).",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def data(command: Command) -> Command:
    """Where labelled data comes from and how to read it; the verb gets `source` and the fields of DataOptions."""
    for option in (
        click.option(
            "--image-size", type=click.IntRange(4, 1024), help="image_cls: side of the square pictures are brought to."
        ),
        click.option("--positive", help="fraud: the label that is looked for (else the rarer one)."),
        click.option("--time-column", help="fraud: the column that orders rows in time."),
        click.option("--text-column", help="text_cls: the column that holds the text."),
        click.option("--label-column", help="The column that holds the label."),
        click.option("--data", "source", help="A path, or a name from 'suite data list'."),
    ):
        command = option(command)
    return command


def training(command: Command) -> Command:
    """How to train: --name, --epochs, --seed."""
    for option in (
        click.option(
            "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Decides everything random."
        ),
        click.option("--epochs", type=click.IntRange(1), help="Train for at most this many epochs."),
        click.option("--name", help="Save under this name (else the domain's)."),
    ):
        command = option(command)
    return command


def data_options(seed: int, given: dict[str, Any]) -> DataOptions:
    """The reader's options from the values that `data` gave to a verb."""
    return DataOptions(seed=seed, **given)
