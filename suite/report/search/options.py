"""The options that a ranking chose from: how likely each was while it learned, and which the winner has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from suite.notation import format_value
from suite.report.plots import SERIES_COLOURS, Chart

MAX_CHARTS, MAX_ROWS = 8, 20
UNIT = (0.0, 1.0)


@dataclass(frozen=True)
class Option:
    """A value that a hyperparameter could take; `likelihood` is the last one, where the method has likelihoods."""

    text: str
    is_chosen: bool
    likelihood: float | None


@dataclass(frozen=True)
class OptionRow:
    """A hyperparameter and its options; `winner` is the winner's value, empty if its network has none."""

    name: str
    options: list[Option]
    winner: str

    @property
    def is_elsewhere(self) -> bool:
        """Whether the winner's value is none of the options."""
        return bool(self.winner) and not any(option.is_chosen for option in self.options)


def rows(
    choices: Mapping[str, Sequence[Any]], history: Mapping[str, np.ndarray], winner: Mapping[str, Any]
) -> list[OptionRow]:
    """A row for each hyperparameter in `choices`; `winner` holds the winner's hyperparameters.

    `history` holds likelihoods, float (epochs, options), by hyperparameter.
    """
    found = []
    for name, values in choices.items():
        last = history[name][-1].tolist() if name in history else [None] * len(values)
        options = [
            Option(format_value(value), name in winner and winner[name] == value, likelihood)
            for value, likelihood in zip(values, last, strict=True)
        ]
        found.append(OptionRow(name, options, format_value(winner[name]) if name in winner else ""))
    return found


def changes(history: Mapping[str, np.ndarray]) -> dict[str, float]:
    """By how much the likelihood of an option changed at most, the hyperparameters with the largest change first."""
    ranges = {name: float(np.ptp(likelihoods, axis=0).max()) for name, likelihoods in history.items()}
    return dict(sorted(ranges.items(), key=lambda item: -item[1]))


def chart(name: str, values: Sequence[Any], likelihoods: np.ndarray) -> Markup:
    """The likelihoods (epochs, options) of a hyperparameter's values by epoch.

    Of many values, the likeliest ones at the end have colours, and all others are thin lines.
    """
    drawn = Chart(name, "epoch", "likelihood", y=UNIT, whole=True, legend=len(values) == 1)
    coloured = set(np.argsort(-likelihoods[-1], kind="stable")[:SERIES_COLOURS].tolist())
    # Thin lines come first, so that they lie below the others.
    for index in sorted(range(len(values)), key=lambda index: (index in coloured, index)):
        text, column = format_value(values[index]), likelihoods[:, index]
        series = drawn.line(text, enumerate(column, 1), guide=index not in coloured)
        if len(column) == 1 and index in coloured:
            drawn.dot(1, column[0], f"{text} {column[0]:.3f}", series)
    return drawn.figure()
