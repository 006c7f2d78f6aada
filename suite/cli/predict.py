"""`suite predict`: answer every row of a file, a folder or standard input, in a stream."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import TextColumn

from serving.config import AUTO, FASTEST_FIRST
from suite.api.engine import load
from suite.api.output import Output
from suite.api.predict import Columns, Part, answer, unreadable
from suite.cli import answer_file, complete, options
from suite.errors import SuiteError
from suite.notation import split_names

if TYPE_CHECKING:
    from suite.artifact import Card


@dataclass
class _Tally:
    """The number of rows so far, and the errors of unreadable pictures by path."""

    rows: int = 0
    errors: dict[str, str] = field(default_factory=dict)


@click.command(epilog="Example: suite predict fraud --input march.csv --output scores.parquet")
@click.argument("model", metavar="NAME[/VERSION]", shell_complete=complete.model)
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

    A model that predicts a number answers with prediction, and lower and upper bound of its interval. One of several
    labels answers with those that hold as prediction, separated by semicolons, and a probability for each as p_LABEL.

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
    tally = _write(answer(card, running, source, text_column, rows), target, output)
    if target or as_json:
        _report(card, running.name, tally, target, output)
    if tally.errors:
        raise unreadable(card, tally.errors, tally.rows)


def _columns_to_keep(keep: str | None) -> tuple[str, ...]:
    """The names in --keep, which are separated by commas and quoted where they hold one."""
    return tuple(split_names(keep)) if keep else ()


def _find(models: Path, model: str) -> "tuple[Path, Card]":
    from suite import artifact

    folder = artifact.find(models, model)
    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so its inputs are unknown: ask it through 'suite serve'")
    return folder, card


def _write(answers: tuple[Columns, Iterator[Part]], target: Path | None, output: Output) -> _Tally:
    """Write all answers."""
    columns, parts = answers
    tally = _Tally()
    column = TextColumn("{task.fields[rows]:,} rows")
    with answer_file.writer(target, columns) as write, output.bar(column) as bar:
        task = bar.add_task("", total=None, rows=0)
        for part in parts:
            write(part.rows)
            tally.rows += len(part.rows)
            tally.errors |= part.errors
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
