"""The options of a search."""

import re
from pathlib import Path
from typing import Any

import click

from suite.api.keywords import PRUNERS, RANGES
from suite.cli.options import Command, Duration, add_options
from tuning import strategies, trial_selection
from tuning.ranking_methods import METHODS
from tuning.trial_selection import SelectionRule


class Percentage(click.ParamType[float]):
    """A percentage such as 0.5%, as a share."""

    name = "percent"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if not re.fullmatch(r"\d+(\.\d+)?%", value):
            self.fail(f"'{value}' is no share: write it as 0.5%", parameter, context)
        return float(value[:-1]) / 100


def _selection_rule(
    context: click.Context, parameter: click.Parameter, value: tuple[str, float] | None
) -> SelectionRule | None:
    return trial_selection.parse_rule(*value) if value else None


_BOUNDS = (
    click.option(
        "--strategy", type=click.Choice(list(strategies.STRATEGIES)), default="hyperband", show_default=True,
        help="The search strategy.",
    ),
    click.option(
        "--warm-start", type=click.Choice(list(METHODS)),
        help="Try what this method ranks first before the strategy's own proposals.",
    ),
    click.option("--trials", type=click.IntRange(*RANGES["trials"]), help="The number of networks to try."),
    click.option(
        "--pruner", type=click.Choice(PRUNERS),
        help="Stop trainings that are behind others at the same epoch; for Optuna's strategies.",
    ),
    click.option(
        "--budget", multiple=True, metavar="COST=LIMIT",
        help="Try no network that costs more for a prediction, as in latency=0.2ms, size=300kB or flops=5M.",
    ),
    click.option(
        "--cv", "folds", type=click.IntRange(*RANGES["tune_folds"]),
        help="Score a network by its mean over this many folds.",
    ),
    click.option(
        "--repeats", type=click.IntRange(*RANGES["repeats"]), default=1, show_default=True,
        help="Train each network this many times, with different seeds.",
    ),
)  # fmt: skip
_SPACE = (
    click.option(
        "--set", "sets", multiple=True, metavar="NAME=VALUES",
        help="Restrict a hyperparameter, as in conv.filters=32,64 or dropout=0..0.3.",
    ),
    click.option("--fix", "fixes", multiple=True, metavar="NAME=VALUE", help="Fix a hyperparameter at a value."),
    click.option(
        "--space", type=click.Path(dir_okay=False, path_type=Path),
        help='A JSON file that restricts the space: {"conv.filters": [32, 64], "dropout": {"min": 0, "max": 0.3}}; '
        'with "others": "default" nothing else is searched.',
    ),
)  # fmt: skip
_WORKERS = (
    click.option(
        "--workers", type=click.IntRange(*RANGES["workers"]),
        help="Train this many networks at a time, in processes that share the cores.",
    ),
    click.option(
        "--ray", metavar="ADDRESS",
        help="Train on the Ray cluster at host:port, or on this machine's (auto); it must share the folder of models.",
    ),
    click.option("--trial-timeout", "timeout", type=Duration(), help="End a training that takes longer."),
)  # fmt: skip
_SELECTION = (
    click.option("--resume", is_flag=True, help="Resume a search of this name that was stopped."),
    click.option(
        "--pick", type=(click.Choice(list(trial_selection.COST_BY_RULE)), Percentage()), metavar="RULE SHARE",
        callback=_selection_rule,
        help="Select the cheapest network of those nearly as good as the best: fastest-within, smallest-within or "
        "lightest-within, and how far behind, as in --pick fastest-within 0.5%.",
    ),
)  # fmt: skip


def search_options(command: Command) -> Command:
    """Add the options of a search: strategy, bounds, space, workers, and which trial to select."""
    return add_options(command, *_BOUNDS, *_SPACE, *_WORKERS, *_SELECTION)
