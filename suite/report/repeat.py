"""Commands that repeat what a card tells of."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.training.fit import TrainingSettings
    from suite.training.thresholds import ThresholdRule


def option_words(options: Mapping[str, Any]) -> list[str]:
    """Options as words of a command; one that is True stands alone."""
    words: list[str] = []
    for name, value in options.items():
        words += [name] if value is True else [name, str(value)]
    return words


def fit_command(
    domain: str,
    data: Mapping[str, Any],
    settings: "TrainingSettings",
    rule: "ThresholdRule | None",
    card: Path,
    retrained: bool,
) -> str:
    """The command that trains the network of a card again, on the card's `data`, without a search.

    `retrained` says whether the network was trained on training and validation rows together in the end.
    """
    options = {
        "--data": "DATA" if data.get("in_memory") else data.get("name") or data.get("path"),
        **{f"--{name.replace('_', '-')}": value for name, value in data.get("options", {}).items()},
        "--hp": card,
        "--epochs": settings.epochs,
        "--seed": settings.seed,
        "--objective": settings.objective,
        **({} if retrained else {"--no-retrain": True}),
        **(_threshold_options(rule) if rule else {}),
    }
    return shlex.join(["suite", "fit", domain, *option_words(options)])


def _threshold_options(rule: "ThresholdRule") -> dict[str, Any]:
    costs = rule.costs
    if costs is None:
        return {"--threshold": rule.text}
    alarm = {"--cost-false-positive": f"{costs.false_positive:g}"}
    return alarm | (
        {"--cost-column": costs.column} if costs.column else {"--cost-false-negative": f"{costs.false_negative:g}"}
    )
