"""`suite predict`: answer every row of a file, a folder or standard input, in a stream."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import TextColumn

from serving.config import AUTO, FASTEST_FIRST
from suite.cli import answer_file, options
from suite.cli.answer_file import AnswerRow
from suite.cli.engine import load
from suite.cli.output import Output
from suite.errors import SuiteError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from serving.engines.base import Engine
    from suite.artifact import Card
    from suite.data import stream

ROWS_AT_ONCE = 512
MAX_ERRORS_SHOWN = 3


@dataclass
class _Tally:
    """The number of rows so far, and the errors of unreadable pictures by path."""

    rows: int = 0
    errors: dict[str, str] = field(default_factory=dict)


@click.command(epilog="Example: suite predict fraud --input march.csv --output scores.parquet")
@click.argument("model", metavar="NAME[/VERSION]")
@click.option("--input", "source", required=True, help="A file, a folder of pictures, or - for standard input.")
@click.option(
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .csv, .jsonl or .parquet file (else CSV on standard output).",
)
@click.option("--text-column", help="text_cls: the column of texts.")
@click.option(
    "--engine",
    type=click.Choice([AUTO, *FASTEST_FIRST]),
    default=AUTO,
    show_default=True,
    help="The engine to run the model on.",
)
@options.common
def command(
    model: str,
    source: str,
    target: Path | None,
    text_column: str | None,
    engine: str,
    models: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Answer every row: label, score, and a probability for each label as p_LABEL.

    A value in a table that cannot be read stops the command, and nothing is written to --output. A picture that cannot
    be read has the reason in its column 'error'; the other pictures are answered, and the exit code is 1.
    """
    answer_file.check_target(target)
    folder, card = _find(models, model)
    running = load(folder, card, engine)
    # Standard output is the result here, so everything else goes to standard error.
    output = Output(as_json, quiet or target is None)
    tally = _answer(card, running, _batches(card, source, text_column), target, output)
    if not tally.rows:
        name = "standard input" if source == "-" else source
        raise SuiteError(f"{name} has no rows to answer: give CSV with a header and rows, or one JSON object a line")
    if target or as_json:
        _report(card, running.name, tally, target, output)
    if tally.errors:
        raise _unreadable(tally)


def _find(models: Path, model: str) -> "tuple[Path, Card]":
    from suite import artifact

    folder = artifact.find(models, model)
    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so its inputs are unknown: ask it through 'suite serve'")
    return folder, card


def _answer(
    card: "Card", engine: "Engine", batches: "Iterator[stream.Batch]", target: Path | None, output: Output
) -> _Tally:
    """Answer every batch and write the answers."""
    from suite.artifact import PROBABILITIES

    tally = _Tally()
    column = TextColumn("{task.fields[rows]:,} rows")
    with answer_file.writer(target, _columns(card)) as write, output.bar(column) as bar:
        task = bar.add_task("", total=None, rows=0)
        for batch in batches:
            readable = len(next(iter(batch.inputs.values())))
            rows = answers(card, engine.run(batch.inputs)[PROBABILITIES]) if readable else []
            if batch.paths:
                rows = _by_path(batch, rows)
            write(rows)
            tally.rows += len(rows)
            tally.errors |= batch.errors
            bar.update(task, rows=tally.rows)
    return tally


def _report(card: "Card", engine: str, tally: _Tally, target: Path | None, output: Output) -> None:
    value = {
        "rows": tally.rows,
        "output": str(target) if target else None,
        "model": card.name,
        "version": card.version,
        "engine": engine,
        "errors": tally.errors,
    }
    output.result([f"{tally.rows:,} rows answered by {card.name}/{card.version} ({engine}) in {target}"], value)


def _unreadable(tally: _Tally) -> SuiteError:
    shown = ", ".join(f"{path}: {reason}" for path, reason in list(tally.errors.items())[:MAX_ERRORS_SHOWN])
    more = ", ..." if len(tally.errors) > MAX_ERRORS_SHOWN else ""
    return SuiteError(
        f"{len(tally.errors):,} of {tally.rows:,} pictures have no answer, as their column 'error' says ({shown}{more})"
    )


def _batches(card: "Card", source: str, text_column: str | None) -> "Iterator[stream.Batch]":
    from suite.data import stream

    kind = card.preprocessing["kind"]
    if text_column is not None and kind != "text":
        raise UsageError(f"--text-column means nothing to {card.domain}: leave it out")
    if kind == "image":
        return stream.images(source, card.inputs[0].shape, ROWS_AT_ONCE)
    if kind == "text":
        return stream.texts(source, text_column, ROWS_AT_ONCE)
    return stream.table(source, card.inputs, card.ignored, ROWS_AT_ONCE)


def _columns(card: "Card") -> list[str]:
    answer = ["label", "score", *(f"p_{label}" for label in card.labels)]
    return ["path", *answer, "error"] if card.preprocessing["kind"] == "image" else answer


def _by_path(batch: "stream.Batch", rows: list[AnswerRow]) -> list[AnswerRow]:
    """A row for every picture: its answer, or its error."""
    remaining = iter(rows)
    return [
        {"path": path} | ({"error": batch.errors[path]} if path in batch.errors else next(remaining))
        for path in batch.paths
    ]


def answers(card: "Card", probabilities: "np.ndarray") -> list[AnswerRow]:
    """A row for each row of probabilities (N, labels): label, score, and p_LABEL."""
    import numpy as np

    from suite.decision import predicted_classes

    # float32 has seven digits; more would be noise.
    rounded = np.round(probabilities.astype(np.float64), 7)
    rows = []
    for number, values in zip(predicted_classes(rounded, card.threshold).tolist(), rounded.tolist(), strict=True):
        score = values[number] if card.threshold is None else values[1]
        by_label = {f"p_{label}": p for label, p in zip(card.labels, values, strict=True)}
        rows.append({"label": card.labels[number], "score": score} | by_label)
    return rows
