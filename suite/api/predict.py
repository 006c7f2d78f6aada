"""The answers of a saved model for rows of data, as `suite predict` writes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from suite.errors import SuiteError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from serving.engines.base import Engine
    from suite.answers import Answer
    from suite.artifact import Card
    from suite.data import stream
    from suite.data.memory import Memory

ROWS_AT_ONCE = 512
MAX_ERRORS_SHOWN = 3
WANTED_ROWS = {
    "image": "a folder of pictures, or a table with a path in each row",
    "text": "a folder of .txt files, a .txt file, or a table with a row for each text",
    "table": "CSV with a header and rows, or one JSON object a line",
}
AnswerRow = dict[str, Any]
# Columns by name, each with its type in Parquet: one of these words, or a type of Arrow.
Columns = Mapping[str, Any]
TEXT = "string"


@dataclass(frozen=True)
class Part:
    """The answers of some rows, and the errors of unreadable files among them by path."""

    rows: list[AnswerRow]
    errors: dict[str, str]


def answer(
    card: "Card", engine: "Engine", source: "str | Memory", text_column: str | None, options: "stream.RowOptions"
) -> tuple[Columns, Iterator[Part]]:
    """The columns of the answers, and the answers of all rows, a batch at a time.

    The rows are those of a path, of standard input (-) or of data in memory. SuiteError if there are none, and for
    values that cannot be read.
    """
    from suite import answers

    batches = _batches(card, source, text_column, options)
    first = next(batches, None)
    if first is None:
        name = "standard input" if source == "-" else source
        raise SuiteError(f"{name} has no rows to answer: give {WANTED_ROWS[card.preprocessing['kind']]}")
    form = answers.of(card)
    kept = _kept_names(form, first)
    return _columns(form, first, kept), _parts(form, engine, chain([first], batches), kept)


def schema(columns: Columns) -> "pa.Schema":
    """Arrow's schema of answers: their types cannot be inferred from rows, the first of which may have no answers."""
    import pyarrow as pa

    types = {name: pa.type_for_alias(kind) if isinstance(kind, str) else kind for name, kind in columns.items()}
    return pa.schema(list(types.items()))


def probabilities(
    card: "Card", engine: "Engine", source: "str | Memory", text_column: str | None, options: "stream.RowOptions"
) -> "np.ndarray":
    """The probabilities (N, labels) of all rows; SuiteError for files that cannot be read, too."""
    import numpy as np

    from suite import answers

    if not card.labels:
        raise UsageError(f"{card.name}/{card.version} answers with a number, and has no probabilities: use predict")
    form = answers.of(card)
    found = [np.empty((0, len(card.labels)))]
    for batch in _batches(card, source, text_column, options):
        if batch.errors:
            raise unreadable(card, batch.errors, len(batch.paths))
        found.append(_outputs(form, engine, batch, sum(map(len, found))))
    return np.concatenate(found)


def unreadable(card: "Card", errors: Mapping[str, str], rows: int) -> SuiteError:
    """An error about files without an answer, of so many rows."""
    things = "pictures" if card.preprocessing["kind"] == "image" else "files"
    shown = ", ".join(f"{path}: {reason}" for path, reason in list(errors.items())[:MAX_ERRORS_SHOWN])
    more = ", ..." if len(errors) > MAX_ERRORS_SHOWN else ""
    return SuiteError(
        f"{len(errors):,} of {rows:,} {things} have no answer, as their column 'error' says ({shown}{more})"
    )


def _batches(
    card: "Card", source: "str | Memory", text_column: str | None, options: "stream.RowOptions"
) -> "Iterator[stream.Batch]":
    from suite.data import stream
    from suite.preprocessing.mirror.image import Form

    kind = card.preprocessing["kind"]
    if text_column is not None and kind != "text":
        raise UsageError(f"--text-column means nothing to {card.domain}: leave it out")
    if kind == "image":
        return stream.images(source, Form.of(card.inputs[0].shape, card.preprocessing), ROWS_AT_ONCE, options)
    if kind == "text":
        # Texts that were read from a table have a label column.
        from_files = bool(card.data) and card.data.get("label_column") is None
        return stream.texts(source, text_column, ROWS_AT_ONCE, options, from_files)
    return stream.table(source, card.inputs, card.ignored, ROWS_AT_ONCE, options)


def _parts(
    form: "Answer", engine: "Engine", batches: "Iterator[stream.Batch]", kept: dict[str, str]
) -> Iterator[Part]:  # fmt: skip
    done = 0
    for batch in batches:
        rows = _answer_batch(form, engine, batch, done)
        done += len(rows)
        yield Part(rows if batch.kept is None else _beside(batch.kept, rows, kept), batch.errors)


def _beside(batch: "pa.RecordBatch", rows: list[AnswerRow], kept: dict[str, str]) -> list[AnswerRow]:
    """The answers with the kept columns; SuiteError for a column of JSON that began after others were written."""
    late = [name for name in batch.schema.names if name not in kept]
    if late:
        raise SuiteError(f"the column '{late[0]}' begins after the first rows: name the columns to keep instead of all")
    return [
        {kept[name]: value for name, value in one.items()} | row
        for one, row in zip(batch.to_pylist(), rows, strict=True)
    ]


def _answer_batch(form: "Answer", engine: "Engine", batch: "stream.Batch", done: int) -> list[AnswerRow]:
    rows = form.rows(_outputs(form, engine, batch, done))
    return _by_path(batch, rows) if batch.paths else rows


def _outputs(form: "Answer", engine: "Engine", batch: "stream.Batch", done: int) -> "np.ndarray":
    """The model's outputs (rows, K) for a batch; SuiteError, with the row's number, for one that is not finite."""
    import numpy as np

    readable = len(next(iter(batch.inputs.values())))
    found = engine.run(batch.inputs)[form.output] if readable else np.empty((0, *form.card.outputs[0].shape))
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        raise SuiteError(
            f"row {done + int(np.argmin(finite)) + 1}: the model's answer is not a number, as its values lie too far "
            "from what it knows: correct or leave out that row"
        )
    return found


def _kept_names(form: "Answer", batch: "stream.Batch") -> dict[str, str]:
    """The kept columns, each with the name under which it is written: answers keep theirs."""
    taken = {*form.columns(), *(("path", "error") if batch.paths else ())}
    names: dict[str, str] = {}
    for name in batch.kept.schema.names if batch.kept is not None else []:
        written = name
        while written in taken:
            written = f"input_{written}"
        taken.add(written)
        names[name] = written
    return names


def _columns(form: "Answer", batch: "stream.Batch", kept: dict[str, str]) -> Columns:
    """All columns of the answers by name: kept ones, path, answers, error."""
    types = {} if batch.kept is None else {kept[one.name]: one.type for one in batch.kept.schema}
    path, error = ({"path": TEXT}, {"error": TEXT}) if batch.paths else ({}, {})
    return types | path | form.columns() | error


def _by_path(batch: "stream.Batch", rows: list[AnswerRow]) -> list[AnswerRow]:
    """A row for every picture: its answer, or its error."""
    remaining = iter(rows)
    return [
        {"path": path} | ({"error": batch.errors[path]} if path in batch.errors else next(remaining))
        for path in batch.paths
    ]
