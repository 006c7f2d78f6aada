"""Steps that several verbs share: read data, load TensorFlow, report what was saved."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.cli import options
from suite.cli.output import Output, metric_lines
from suite.report import repeat

if TYPE_CHECKING:
    from suite.artifact import Card
    from suite.data.dataset import Dataset
    from suite.domain import Domain


def read_data(domain: "Domain", source: str | None, seed: int, reader: dict[str, Any], output: Output) -> "Dataset":
    """Read the data and say what the reader detected; `reader` holds the options of `options.data`."""
    from suite import domains

    dataset = domains.load_data(domain, source, options.data_options(seed, reader))
    for line in dataset.detected:
        output.say(f"  {line}")
    for note in dataset.notes:
        output.say(f"  note: {note}")
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in dataset.rows.items())
    output.say(f"  rows: {sizes}")
    return dataset


def data_to_resume(data: dict[str, Any], reader: dict[str, Any], output: Output) -> tuple[str, dict[str, Any]]:
    """The source and the reader's options of an unfinished training or search; options that are given win."""
    source = str(data.get("name") or data["path"])
    output.say(f"  data as in what is to be resumed: {source}")
    return source, data["options"] | {name: value for name, value in reader.items() if value is not None}


def load_tensorflow(output: Output) -> None:
    """Import TensorFlow, which takes seconds."""
    output.say("loading TensorFlow")

    from suite import config

    config.load_tensorflow()


def command_line(source: str | None, reader: dict[str, Any]) -> str:
    """The command that does the same from the beginning, for the card: as typed, but without --resume.

    What was resumed may have had data that were not typed again: `source`, and the options of `options.data`.
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
