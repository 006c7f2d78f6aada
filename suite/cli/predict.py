"""`suite predict`: answer every row of a file, a folder or standard input, in a stream."""

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from rich.progress import TextColumn

from serving.config import AUTO, FASTEST_FIRST
from suite.cli import options
from suite.cli.engine import load
from suite.cli.output import Output

if TYPE_CHECKING:
    import numpy as np

    from suite.artifact import Card
    from suite.data import stream

BATCH = 512
Row = dict[str, Any]
FORMATS = (".csv", ".jsonl", ".parquet")
NAMED = 3


@click.command(epilog="Example: suite predict fraud --input march.csv --output scores.parquet")
@click.argument("model", metavar="NAME[/VERSION]")
@click.option("--input", "source", required=True, help="A file, a folder of pictures, or - for standard input.")
@click.option(
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .csv, .jsonl or .parquet file (else CSV on standard output).",
)
@click.option("--text-column", help="text_cls: the column that holds the text.")
@click.option(
    "--engine",
    type=click.Choice([AUTO, *FASTEST_FIRST]),
    default=AUTO,
    show_default=True,
    help="What runs the model.",
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

    A value in a table that cannot be read ends the run: nothing is written to --output. A picture that cannot be
    read has no answer, its column 'error' says why, and the exit code is 1; the other pictures are answered.
    """
    from suite import artifact
    from suite.artifact import PROBABILITIES
    from suite.errors import SuiteError, UsageError

    if target and target.suffix not in FORMATS:
        raise UsageError(f"'{target}' has no known format: end it in one of {', '.join(FORMATS)}")
    folder = artifact.find(models, model)
    card = artifact.read_card(folder)
    if card is None:
        raise SuiteError(f"{folder} has no card, so its inputs are unknown: ask it through 'suite serve'")
    running = load(folder, card, engine)
    # Standard output is the result here, so everything else goes to standard error.
    output = Output(as_json, quiet or target is None)
    count = 0
    unread: dict[str, str] = {}
    with _writer(target, _columns(card)) as write, output.bar(TextColumn("{task.fields[rows]:,} rows")) as bar:
        task = bar.add_task("", total=None, rows=0)
        for batch in _batches(card, source, text_column):
            readable = len(next(iter(batch.inputs.values())))
            rows = answers(card, running.run(batch.inputs)[PROBABILITIES]) if readable else []
            if batch.paths:
                rows = _by_path(batch, rows)
            write(rows)
            count += len(rows)
            unread |= batch.errors
            bar.update(task, rows=count)
    if not count:
        name = "standard input" if source == "-" else source
        raise SuiteError(f"{name} has no rows to answer: give CSV with a header and rows, or one JSON object a line")
    if target or as_json:
        value = {
            "rows": count,
            "output": str(target) if target else None,
            "model": card.name,
            "version": card.version,
            "engine": running.name,
            "errors": unread,
        }
        output.result([f"{count:,} rows answered by {card.name}/{card.version} ({running.name}) in {target}"], value)
    if unread:
        named = ", ".join(f"{path}: {reason}" for path, reason in list(unread.items())[:NAMED])
        raise SuiteError(
            f"{len(unread):,} of {count:,} pictures have no answer, as their column 'error' says ({named}"
            f"{', ...' if len(unread) > NAMED else ''})"
        )


def _batches(card: "Card", source: str, text_column: str | None) -> "Iterator[stream.Batch]":
    from suite.data import stream
    from suite.errors import UsageError

    kind = card.preprocessing["kind"]
    if text_column is not None and kind != "text":
        raise UsageError(f"--text-column means nothing to {card.domain}: leave it out")
    if kind == "image":
        return stream.images(source, card.inputs[0].shape, BATCH)
    if kind == "text":
        return stream.texts(source, text_column, BATCH)
    return stream.table(source, card.inputs, card.ignored, BATCH)


def _columns(card: "Card") -> list[str]:
    answer = ["label", "score", *(f"p_{label}" for label in card.labels)]
    return ["path", *answer, "error"] if card.preprocessing["kind"] == "image" else answer


def _by_path(batch: "stream.Batch", rows: list[Row]) -> list[Row]:
    """A row for every picture: its answer, or why there is none."""
    left = iter(rows)
    return [
        {"path": path} | ({"error": batch.errors[path]} if path in batch.errors else next(left)) for path in batch.paths
    ]


def answers(card: "Card", probabilities: "np.ndarray") -> list[Row]:
    """One answer a row of probabilities (N, labels): label, score, and p_LABEL."""
    import numpy as np

    rows = []
    # float32 has seven digits; more would be noise.
    for values in np.round(probabilities.astype(np.float64), 7).tolist():
        best = max(range(len(values)), key=values.__getitem__)
        score = values[best]
        if card.threshold is not None:
            score = values[1]
            best = int(score >= card.threshold)
        rows.append(
            {"label": card.labels[best], "score": score}
            | {f"p_{label}": p for label, p in zip(card.labels, values, strict=True)}
        )
    return rows


@contextmanager
def _writer(target: Path | None, columns: list[str]) -> Iterator[Callable[[list[Row]], None]]:
    """A function that writes rows; the file appears whole at the end, or not at all."""
    if target is None:
        yield _csv(sys.stdout, columns)
        return
    from suite.errors import SuiteError

    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise SuiteError(f"cannot write {target} ({error.strerror}): choose another --output") from error
    os.close(handle)
    try:
        if target.suffix == ".parquet":
            with _parquet(temporary, columns) as write:
                yield write
        else:
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                yield _csv(file, columns) if target.suffix == ".csv" else _json_lines(file)
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise SuiteError(f"writing {target} failed ({error.strerror or error}): nothing was written") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _csv(file: IO[str], columns: list[str]) -> Callable[[list[Row]], None]:
    writer = csv.writer(file)
    started = False

    def write(rows: list[Row]) -> None:
        nonlocal started
        if not started:
            writer.writerow(columns)
            started = True
        writer.writerows([row.get(column) for column in columns] for row in rows)

    return write


def _json_lines(file: IO[str]) -> Callable[[list[Row]], None]:
    return lambda rows: file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@contextmanager
def _parquet(path: str, columns: list[str]) -> Iterator[Callable[[list[Row]], None]]:
    import pyarrow as pa
    from pyarrow import parquet

    # Not found out from the rows: the first ones may all be without an answer.
    kinds = {name: pa.string() if name in ("path", "label", "error") else pa.float64() for name in columns}
    schema = pa.schema(list(kinds.items()))
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema))
