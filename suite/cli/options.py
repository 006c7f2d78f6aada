"""Options that several verbs share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from suite.data.options import DataOptions
from suite.errors import UsageError, unknown

if TYPE_CHECKING:
    from suite.domain import Domain
    from suite.training.thresholds import Rule

Command = TypeVar("Command", bound=Callable[..., Any])


class Cost(click.FloatRange):
    """A number from 0 on that can be reckoned with."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", parameter, context)
        return number


def common(command: Command) -> Command:
    """What every verb with a store takes: --models, --json, --quiet, --debug."""
    models = click.option(
        "--models", type=click.Path(file_okay=False, path_type=Path), envvar="SUITE_MODELS", default="saved_models",
        show_default=True, help="The folder of saved models (or $SUITE_MODELS).",
    )  # fmt: skip
    return models(_printing(command))


def printing(command: Command) -> Command:
    """What a verb without a store takes: the same, so that a script can give --models to every verb."""
    models = click.option("--models", hidden=True, expose_value=False, help="Not looked at here.")
    return models(_printing(command))


def _printing(command: Command) -> Command:
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."),
        click.option("--quiet", is_flag=True, help="Print results only, no progress."),
        click.option(
            "--json", "as_json", is_flag=True, help="End standard output with one JSON object; progress goes elsewhere."
        ),
    ):
        command = option(command)
    return command


def data(command: Command) -> Command:
    """What a model is to be made of; the verb gets `source` and the fields of DataOptions that people set."""
    for option in (
        click.option(
            "--image-size", type=click.IntRange(4, 1024), help="image_cls: side of the square pictures are brought to."
        ),
        click.option("--positive", help="fraud: the label that is looked for (else the rarer one)."),
    ):
        command = option(command)
    return labelled(command)


def labelled(command: Command) -> Command:
    """Where labelled data comes from and how to read it; without what a model settles once."""
    for option in (
        click.option("--time-column", help="fraud: the column that orders rows in time."),
        click.option("--group-column", help="A column whose equal values stay in one split (a customer, an author)."),
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
        click.option("--onnx", is_flag=True, help="Also save an ONNX file, for the engine onnx and other programs."),
        click.option("--name", help="Save under this name (else the domain's)."),
    ):
        command = option(command)
    return command


def network(command: Command) -> Command:
    """Which network: --preset, --hp, --set; the verb gets `preset`, `file` and `assignments`."""
    for option in (
        click.option(
            "--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a hyperparameter; may be repeated."
        ),
        click.option(
            "--hp", "file", type=click.Path(dir_okay=False, exists=True, path_type=Path),
            help="Take hyperparameters from a JSON file or a card.json.",
        ),
        click.option("--preset", help="Start from a named set of hyperparameters, such as lenet for image_cls."),
    ):  # fmt: skip
        command = option(command)
    return command


def threshold(command: Command) -> Command:
    """What to go by: --objective, and how the threshold of a detector is chosen."""
    for option in (
        click.option("--cost-column", help="fraud: the column with what missing a case costs, such as the amount."),
        click.option("--cost-false-positive", type=Cost(), help="fraud: what a false alarm costs."),
        click.option("--cost-false-negative", type=Cost(), help="fraud: what missing a case costs."),
        click.option(
            "--threshold", help="fraud: what the threshold is best for: f1, f2, precision>=0.9, or itself a number."
        ),
        click.option("--objective", help="The validation metric that decides what is best (else the domain's)."),
    ):
        command = option(command)
    return command


def take_rule(values: dict[str, Any]) -> "Rule | None":
    """The rule of the options of `threshold`, which are taken out of `values`; None where none was given."""
    text, missed, alarm, column = (
        values.pop(name) for name in ("threshold", "cost_false_negative", "cost_false_positive", "cost_column")
    )
    if (missed, alarm, column) == (None, None, None) and text is None:
        return None

    from suite.training.thresholds import Costs, Rule

    if (missed, alarm, column) == (None, None, None):
        return Rule(text)
    if text is not None:
        raise UsageError("--threshold and the costs each choose the threshold: leave one of them out")
    if missed is not None and column is not None:
        raise UsageError("--cost-false-negative and --cost-column both say what a missed case costs: leave one out")
    costs = Costs(1.0 if missed is None else missed, 1.0 if alarm is None else alarm, column)
    if costs.false_negative == costs.false_positive == 0:
        raise UsageError(
            "where neither a missed case nor a false alarm costs anything, no threshold is better than another: "
            "give one of them a cost above 0"
        )
    return Rule(costs=costs)


def data_options(seed: int, given: dict[str, Any]) -> DataOptions:
    """The reader's options from the values that `data` gave to a verb."""
    return DataOptions(seed=seed, **given)


def hyperparameters(
    domain: "Domain", preset: str | None, file: Path | None, assignments: tuple[str, ...]
) -> tuple[dict[str, Any], int | None]:
    """The values that were chosen by the options of `network`, the later over the earlier, and a preset's epochs."""
    from suite.training import hyperparameters

    if preset is not None and preset not in domain.presets:
        raise unknown(f"preset of {domain.name}", preset, list(domain.presets))
    values = dict(domain.presets[preset]) if preset else {}
    epochs = values.pop("epochs", None)
    given = hyperparameters.read_file(file) if file else {}
    return values | given | hyperparameters.parse(assignments), epochs
