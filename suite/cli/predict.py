"""`suite predict`: answer every row of a file, a folder or standard input, in a stream."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import TextColumn

from serving.config import AUTO, FASTEST_FIRST
from suite.cli import answer_file, options
from suite.cli.answer_file import AnswerRow
from suite.cli.engine import load
from suite.cli.output import Output
from suite.errors import SuiteError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from serving.engines.base import Engine
    from suite.artifact import Card
    from suite.data import stream

ROWS_AT_ONCE = 512
MAX_ERRORS_SHOWN = 3
WANTED_ROWS = {
    "image": "a folder of pictures, or a table with a path in each row",
    "text": "a folder of .txt files, a .txt file, or a table with a row for each text",
    "table": "CSV with a header and rows, or one JSON object a line",
}


@dataclass
class _Tally:
    """The number of rows so far, and the errors of unreadable pictures by path."""

    rows: int = 0
    errors: dict[str, str] = field(default_factory=dict)


@click.command(epilog="Example: suite predict fraud --input march.csv --output scores.parquet")
@click.argument("model", metavar="NAME[/VERSION]")
@click.option("--input", "source", required=True, help="A file, a folder, or - for standard input.")
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
@click.option("--keep", metavar="COLUMNS", help="Columns of the input to write beside the answers: id,date or all.")
@click.option("--allow-missing", is_flag=True, help="Take a column that the model uses and the input lacks as missing.")
@options.files
@options.common
def command(
    model: str, source: str, target: Path | None, text_column: str | None, engine: str, keep: str | None,
    allow_missing: bool, encoding: str | None, no_header: bool | None, sheet: str | None, models: Path, as_json: bool,
    quiet: bool,
) -> None:  # fmt: skip
    """Answer every row: label, score, and a probability for each label as p_LABEL; and whether it is flagged.

    A model that predicts a number answers with prediction, and lower and upper bound of its interval.

    The input is a table in CSV, JSON Lines, a list in JSON, Parquet, Feather or a workbook, told by its content; a
    folder of pictures or of .txt files; or a .txt file with a text a line. Columns that the model does not use are
    passed over, and named on standard error.

    A value in a table that cannot be read stops the command, and nothing is written to --output. A picture or text that
    cannot be read has the reason in its column 'error'; the others are answered, and the exit code is 1.
    """
    from suite.data.options import Reading
    from suite.data.stream import RowOptions

    answer_file.check_target(target)
    folder, card = _find(models, model)
    running = load(folder, card, engine)
    # Standard output is the result here, so everything else goes to standard error.
    output = Output(as_json, quiet or target is None)
    rows = RowOptions(
        Reading(encoding, bool(no_header), sheet), _columns_to_keep(keep), allow_missing,
        (lambda line: None) if quiet else (lambda line: click.echo(line, err=True)),
    )  # fmt: skip
    tally = _answer(card, running, _batches(card, source, text_column, rows), target, output)
    if not tally.rows:
        name = "standard input" if source == "-" else source
        raise SuiteError(f"{name} has no rows to answer: give {WANTED_ROWS[card.preprocessing['kind']]}")
    if target or as_json:
        _report(card, running.name, tally, target, output)
    if tally.errors:
        raise _unreadable(card, tally)


def _columns_to_keep(keep: str | None) -> tuple[str, ...]:
    """The names in --keep, which are separated by commas and quoted where they hold one."""
    return tuple(name.strip() for name in next(csv.reader([keep]))) if keep else ()


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
    tally = _Tally()
    first = next(batches, None)
    if first is None:
        return tally
    kept = _kept_names(card, first)
    column = TextColumn("{task.fields[rows]:,} rows")
    with answer_file.writer(target, _columns(card, first, kept)) as write, output.bar(column) as bar:
        task = bar.add_task("", total=None, rows=0)
        for batch in chain([first], batches):
            rows = _answer_batch(card, engine, batch, tally.rows)
            write(rows if batch.kept is None else _beside(batch.kept, rows, kept))
            tally.rows += len(rows)
            tally.errors |= batch.errors
            bar.update(task, rows=tally.rows)
    return tally


def _beside(batch: "pa.RecordBatch", rows: list[AnswerRow], kept: dict[str, str]) -> list[AnswerRow]:
    """The answers with the kept columns; SuiteError for a column of JSON that began after others were written."""
    late = [name for name in batch.schema.names if name not in kept]
    if late:
        raise SuiteError(f"the column '{late[0]}' begins after the first rows: name the columns to keep instead of all")
    return [
        {kept[name]: value for name, value in one.items()} | row
        for one, row in zip(batch.to_pylist(), rows, strict=True)
    ]


def _answer_batch(card: "Card", engine: "Engine", batch: "stream.Batch", done: int) -> list[AnswerRow]:
    """The answers of a batch; SuiteError, with the row's number, for one that is not finite."""
    import numpy as np

    from suite import answers

    answer = answers.of(card)
    readable = len(next(iter(batch.inputs.values())))
    outputs = engine.run(batch.inputs)[answer.output] if readable else np.empty((0, *card.outputs[0].shape))
    finite = np.isfinite(outputs).all(axis=1)
    if not finite.all():
        raise SuiteError(
            f"row {done + int(np.argmin(finite)) + 1}: the model's answer is not a number, as its values lie too far "
            "from what it knows: correct or leave out that row"
        )
    rows = answer.rows(outputs)
    return _by_path(batch, rows) if batch.paths else rows


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


def _unreadable(card: "Card", tally: _Tally) -> SuiteError:
    things = "pictures" if card.preprocessing["kind"] == "image" else "files"
    shown = ", ".join(f"{path}: {reason}" for path, reason in list(tally.errors.items())[:MAX_ERRORS_SHOWN])
    more = ", ..." if len(tally.errors) > MAX_ERRORS_SHOWN else ""
    return SuiteError(
        f"{len(tally.errors):,} of {tally.rows:,} {things} have no answer, as their column 'error' says ({shown}{more})"
    )


def _batches(
    card: "Card", source: str, text_column: str | None, rows: "stream.RowOptions"
) -> "Iterator[stream.Batch]":  # fmt: skip
    from suite.data import stream
    from suite.preprocessing.mirror.image import Form

    kind = card.preprocessing["kind"]
    if text_column is not None and kind != "text":
        raise UsageError(f"--text-column means nothing to {card.domain}: leave it out")
    if kind == "image":
        return stream.images(source, Form.of(card.inputs[0].shape, card.preprocessing), ROWS_AT_ONCE, rows)
    if kind == "text":
        # Texts that were read from a table have a label column.
        from_files = bool(card.data) and card.data.get("label_column") is None
        return stream.texts(source, text_column, ROWS_AT_ONCE, rows, from_files)
    return stream.table(source, card.inputs, card.ignored, ROWS_AT_ONCE, rows)


def _kept_names(card: "Card", batch: "stream.Batch") -> dict[str, str]:
    """The kept columns, each with the name under which it is written: answers keep theirs."""
    taken = {*_answer_columns(card), *(("path", "error") if batch.paths else ())}
    names: dict[str, str] = {}
    for name in batch.kept.schema.names if batch.kept is not None else []:
        written = name
        while written in taken:
            written = f"input_{written}"
        taken.add(written)
        names[name] = written
    return names


def _columns(card: "Card", batch: "stream.Batch", kept: dict[str, str]) -> answer_file.Columns:
    """All columns of the answers by name: kept ones, path, answers, error."""
    types = {} if batch.kept is None else {kept[one.name]: one.type for one in batch.kept.schema}
    path, error = ({"path": answer_file.TEXT}, {"error": answer_file.TEXT}) if batch.paths else ({}, {})
    return types | path | _answer_columns(card) | error


def _answer_columns(card: "Card") -> dict[str, Any]:
    from suite import answers

    return answers.of(card).columns()


def _by_path(batch: "stream.Batch", rows: list[AnswerRow]) -> list[AnswerRow]:
    """A row for every picture: its answer, or its error."""
    remaining = iter(rows)
    return [
        {"path": path} | ({"error": batch.errors[path]} if path in batch.errors else next(remaining))
        for path in batch.paths
    ]
