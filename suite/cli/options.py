"""Options that several verbs share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from suite.api import keywords, steps
from suite.api.keywords import DATE_ORDERS, RANGES, READER, SPLITS, TASKS
from suite.cli import complete

if TYPE_CHECKING:
    from suite.training.thresholds import ThresholdRule

Command = TypeVar("Command", bound=Callable[..., Any])
READER_OPTIONS = ("label_column", *READER)


class Duration(click.ParamType[float]):
    """A duration such as 90s, 30m or 1h30m, in seconds."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return keywords.seconds(value)
        except ValueError as error:
            self.fail(str(error), parameter, context)


class Cost(click.FloatRange):
    """A finite number of at least 0."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", parameter, context)
        return number


def add_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Add options to a command; its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def common(command: Command) -> Command:
    """Add the options of every verb with a store: --models, --json, --quiet, --debug."""
    models = click.option(
        "--models", type=click.Path(file_okay=False, path_type=Path), envvar=keywords.MODELS_VARIABLE,
        default=keywords.DEFAULT_MODELS,
        show_default=True, help="The folder of saved models (or $SUITE_MODELS).",
    )  # fmt: skip
    return models(_printing(command))


def printing(command: Command) -> Command:
    """Add the options of a verb without a store: the same, so that a script can pass --models to every verb."""
    models = click.option("--models", hidden=True, expose_value=False, help="Ignored here.")
    return models(_printing(command))


def _printing(command: Command) -> Command:
    return add_options(
        command,
        click.option(
            "--json", "as_json", is_flag=True, help="End standard output with one JSON object; progress goes elsewhere."
        ),
        click.option("--quiet", is_flag=True, help="Print results only, no progress."),
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."),
    )


def data(command: Command) -> Command:
    """Add the options of a model's data; the verb gets `source` and the fields of DataOptions that people set."""
    command = add_options(
        command,
        click.option(
            "--task",
            type=click.Choice(TASKS),
            help="table: whether the label is a class, a number, or several labels (default: by its values).",
        ),
        click.option("--positive", help="fraud: the positive label (default: the rarer one)."),
        click.option(
            "--date-order",
            type=click.Choice(DATE_ORDERS),
            help="fraud, table: the order of day, month and year where the dates do not tell it.",
        ),
        click.option(
            "--image-size",
            type=click.IntRange(*RANGES["image_size"]),
            help="image_cls: resize pictures to squares of this side.",
        ),
        click.option(
            "--split",
            type=click.Choice(SPLITS),
            help="How rows are split (default: by groups or in time if there are such columns, else at random).",
        ),
        click.option("--validation", metavar="PATH", help="Validation rows in a file or folder of their own."),
        click.option("--test", metavar="PATH", help="Test rows in a file or folder of their own."),
    )
    return labelled(command)


def files(command: Command) -> Command:
    """Add the options of how files are read, where their content does not say it."""
    return add_options(
        command,
        click.option("--encoding", help="The encoding of text that is not UTF-8 or UTF-16, such as cp1252."),
        click.option(
            "--no-header", is_flag=True, default=None,
            help="The first line is a row: columns are named 'column 1', 'column 2', ...",
        ),
        click.option("--sheet", help="The sheet of a workbook (default: the first)."),
    )  # fmt: skip


def labelled(command: Command) -> Command:
    """Add the options of labelled data, without those that are settled when a model is made."""
    return add_options(
        files(command),
        click.option(
            "--data", "source", help="A path, or a name from 'suite data list'.", shell_complete=complete.data
        ),
        click.option("--label-column", help="The column of labels; table: or several, as a,b,c, which hold or not."),
        click.option("--text-column", help="text_cls: the column of texts."),
        click.option("--group-column", help="Keep rows with the same value in this column in one split."),
        click.option("--time-column", help="fraud, table: split rows in time by this column; none splits at random."),
    )


def training(command: Command) -> Command:
    """Add the options of a training: --name, --onnx, --epochs, --seed, --time, --retrain."""
    return add_options(
        command,
        click.option("--name", help="The model's name (default: the domain's)."),
        click.option("--onnx", is_flag=True, help="Also save an ONNX file, for the engine onnx and other programs."),
        click.option("--epochs", type=click.IntRange(*RANGES["epochs"]), help="Train for at most this many epochs."),
        click.option(
            "--seed",
            type=click.IntRange(*RANGES["seed"]),
            default=0,
            show_default=True,
            help="The seed of everything random.",
        ),
        click.option(
            "--time", "seconds", type=Duration(), help="The time limit of the whole command: 90s, 30m, 1h30m."
        ),
        click.option(
            "--retrain/--no-retrain",
            default=True,
            help="Train the chosen network again on training and validation rows together.",
        ),
    )


def network(command: Command) -> Command:
    """Add the options of a network: --preset, --hp, --set; the verb gets `preset`, `file` and `assignments`."""
    return add_options(
        command,
        click.option(
            "--preset", help="Start from a named set of hyperparameters, such as lenet for image_cls.",
            shell_complete=complete.preset,
        ),
        click.option(
        "--hp", "file", type=click.Path(dir_okay=False, exists=True, path_type=Path),
        help="Take hyperparameters from a JSON file or a card.json.",
    ),
        click.option(
        "--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a hyperparameter; may be repeated."
    ),
    )  # fmt: skip


def threshold(command: Command) -> Command:
    """Add --objective, and the options for the choice of a detector's threshold."""
    return add_options(
        command,
        click.option("--objective", help="The validation metric to optimise (default: the domain's)."),
        click.option(
            "--threshold", help="fraud, several labels: the rule for thresholds: f1, f2, precision>=0.9, or a number."
        ),
        click.option("--cost-false-negative", type=Cost(), help="fraud, several labels: the cost of a missed case."),
        click.option("--cost-false-positive", type=Cost(), help="fraud, several labels: the cost of a false alarm."),
        click.option("--cost-column", help="fraud: the column with the cost of a missed case, such as the amount."),
    )


def pop_threshold_rule(values: dict[str, Any]) -> "ThresholdRule | None":
    """Remove the options of `threshold`, except the objective, from `values`; return their rule, or None for none."""
    names = ("threshold", "cost_false_negative", "cost_false_positive", "cost_column")
    text, missed, alarm, column = (values.pop(name) for name in names)
    return steps.threshold_rule(text, missed, alarm, column)


def pop_reader_options(values: dict[str, Any]) -> dict[str, Any]:
    """Remove the options of `data`, except the source, from `values` and return them."""
    return {name: values.pop(name) for name in READER_OPTIONS}


def pop_assignments(values: dict[str, Any]) -> dict[str, Any]:
    """Remove the assignments of `network` from `values`; return their values by hyperparameter."""
    from suite.training import hyperparameters

    return hyperparameters.parse_assignments(values.pop("assignments"))
