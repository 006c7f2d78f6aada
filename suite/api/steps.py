"""Steps that several verbs share: read data, settle hyperparameters and thresholds, load TensorFlow, report."""

import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.api import installation
from suite.api.output import Output, metric_lines
from suite.data.options import DataOptions
from suite.errors import UsageError, unknown
from suite.report import repeat

if TYPE_CHECKING:
    from suite.artifact import Card
    from suite.data.dataset import Dataset
    from suite.data.memory import Memory
    from suite.domain import Domain
    from suite.training.thresholds import ThresholdRule


def read_data(
    domain: "Domain", source: "str | Memory | None", seed: int, reader: dict[str, Any], output: Output
) -> "Dataset":
    """Read the data and say what the reader detected; `reader` holds the reader's options that people set."""
    from suite import domains

    dataset = domains.load_data(domain, source, DataOptions(seed=seed, **reader))
    for line in dataset.detected:
        output.say(f"  {line}")
    for note in dataset.notes:
        output.say(f"  note: {note}")
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in dataset.rows.items())
    output.say(f"  rows: {sizes}")
    return dataset


def data_to_resume(data: dict[str, Any], reader: dict[str, Any], output: Output) -> tuple[str, dict[str, Any]]:
    """The source and the reader's options of an unfinished training or search; options that are given win."""
    if data.get("in_memory"):
        raise UsageError("what is to be resumed was made from data in memory, which is not kept: give the data again")
    source = str(data.get("name") or data["path"])
    output.say(f"  data as in what is to be resumed: {source}")
    return source, data["options"] | {name: value for name, value in reader.items() if value is not None}


def hyperparameters(
    domain: "Domain", preset: str | None, file: Path | None, assignments: Mapping[str, Any]
) -> tuple[dict[str, Any], int | None]:
    """The values that a preset, a file and assignments set, and a preset's epochs.

    Assignments win over the file, and the file wins over the preset.
    """
    from suite.training import hyperparameters

    if preset is not None and preset not in domain.presets:
        raise unknown(f"preset of {domain.name}", preset, list(domain.presets))
    values = dict(domain.presets[preset]) if preset else {}
    epochs = values.pop("epochs", None)
    given = hyperparameters.read_file(file) if file else {}
    return {**values, **given, **assignments}, epochs


def threshold_rule(
    text: str | None, missed: float | None, alarm: float | None, column: str | None
) -> "ThresholdRule | None":
    """The rule for a threshold that --threshold or the costs ask for; None if nothing does."""
    if (missed, alarm, column) == (None, None, None) and text is None:
        return None

    from suite.training.thresholds import ErrorCosts, ThresholdRule

    if (missed, alarm, column) == (None, None, None):
        return ThresholdRule(text or "")
    if text is not None:
        raise UsageError("--threshold and the costs each choose the threshold: leave one of them out")
    if missed is not None and column is not None:
        raise UsageError("--cost-false-negative and --cost-column both say what a missed case costs: leave one out")
    costs = ErrorCosts(1.0 if missed is None else missed, 1.0 if alarm is None else alarm, column)
    if costs.false_negative == costs.false_positive == 0:
        raise UsageError(
            "if neither a missed case nor a false alarm costs anything, no threshold is better than another: "
            "give one of them a cost above 0"
        )
    return ThresholdRule(costs=costs)


def need_training() -> None:
    """SuiteError if this is an installation that only serves and predicts."""
    if find_spec("tensorflow") is None:
        raise installation.without_training("tensorflow")


def load_tensorflow(output: Output) -> None:
    """Import TensorFlow, which takes seconds."""
    output.say("loading TensorFlow")

    from suite import config

    config.load_tensorflow()


def command_line(source: "str | Memory | None", reader: dict[str, Any]) -> str:
    """The command that does the same from the beginning, for the card: as typed, but without --resume.

    What was resumed may have had data that were not typed again: `source`, and the reader's options.
    """
    typed = [word for word in sys.argv[1:] if word != "--resume"]
    if len(typed) == len(sys.argv) - 1 or source is None:
        return shlex.join(["suite", *typed])
    given = {word.partition("=")[0] for word in typed}
    data = {"--data": source, **{f"--{name.replace('_', '-')}": value for name, value in reader.items()}}
    added = [(option, value) for option, value in data.items() if value is not None and option not in given]
    return shlex.join(["suite", *typed, *repeat.option_words(dict(added))])


def saved_lines(folder: Path, card: "Card", *more: str) -> list[str]:
    """The lines about a saved model: metrics, notes, `more`, and where it is."""
    return [*metric_lines(card.metrics), *card.notes, *more, f"saved {folder}", f"report {folder / 'report.html'}"]


def saved_json(folder: Path, card: "Card") -> dict[str, Any]:
    """A saved model for a script."""
    return {"artifact": str(folder), "name": card.name, "version": card.version, "metrics": card.metrics}
