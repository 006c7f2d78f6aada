"""Streaming readers of unlabelled rows, as a model's inputs, for batch prediction."""

import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from suite.artifact import TensorSpec
from suite.errors import SuiteError, UsageError, unknown
from suite.preprocessing.mirror import image, values

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
STDIN = "-"
WANTED = {"numeric": "a number", "boolean": "true or false", "date": "a date"}


@dataclass(frozen=True)
class Batch:
    """Raw inputs of some rows; of pictures also all paths, and the errors of unreadable ones by path."""

    inputs: dict[str, np.ndarray]
    paths: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


def images(source: str, shape: tuple[int, ...], size: int) -> Iterator[Batch]:
    """uint8 images (N, *shape): the pictures below a folder, a single picture, or those listed in a table."""
    for chunk in _chunks(_pictures(source), size):
        pictures: list[np.ndarray] = []
        errors = {}
        for path in chunk:
            try:
                pictures.append(image.decode(path.read_bytes(), *shape))
            except OSError as error:
                errors[str(path)] = f"the file cannot be read ({error.strerror}): correct the path"
            except SuiteError as error:
                errors[str(path)] = str(error)
        stacked = np.array(pictures, np.uint8).reshape(-1, *shape)
        yield Batch({"image": stacked}, [str(path) for path in chunk], errors)


def _pictures(source: str) -> Iterator[Path]:
    from suite.data.source import check_source

    path = check_source(Path(source))
    if path.is_dir():
        yield from sorted(found for found in path.rglob("*") if found.suffix.lower() in PICTURES)
    elif path.suffix.lower() in PICTURES:
        yield path
    else:
        from suite.data import formats
        from suite.data.picture_files import PATH_NAMES

        for batch in formats.batches(path):
            names = batch.schema.names
            column = next((name for name in names if name.lower() in PATH_NAMES), names[0] if len(names) == 1 else None)
            if column is None:
                raise UsageError(f"{source} has the columns {', '.join(names)}: name the one of paths 'path'")
            yield from (path.parent / str(value) for value in batch.column(column).to_pylist())


def texts(source: str, column: str | None, size: int) -> Iterator[Batch]:
    """The texts of a table's column, or the lines of a .txt file; a `column` of None is detected."""
    for batch in _batches(source, lines=column is None):
        names = batch.schema.names
        column = column or _text_column(source, batch)
        if column not in names:
            raise unknown("column", column, names)
        strings = ["" if value is None else str(value) for value in batch.column(column).to_pylist()]
        for chunk in _chunks(iter(strings), size):
            yield Batch({"text": np.array(chunk, object)})


def _text_column(source: str, batch: Any) -> str:
    from suite.data.column import Column

    names: list[str] = batch.schema.names
    if "text" in names or len(names) == 1:
        return "text" if "text" in names else names[0]
    profiles = []
    for name in names:
        profiles.append(Column(name))
        profiles[-1].add(batch.column(name))
    best = max(profiles, key=lambda profile: profile.length)
    rivals = [profile.name for profile in profiles if profile is not best and profile.length > 0.5 * best.length]
    if rivals:
        raise UsageError(
            f"{source} has several columns that may be the text ({', '.join([best.name, *rivals])}): say --text-column"
        )
    return best.name


def table(source: str, specs: list[TensorSpec], ignored: list[str], size: int) -> Iterator[Batch]:
    """A model's columns; an absent column is missing in every row, an unknown one is a UsageError."""
    from suite.data import arrow_types

    known = {spec.name for spec in specs} | set(ignored)
    first = 1
    for batch in _batches(source, lines=False):
        arrow_types.check_names(batch, source)
        unexpected = [name for name in batch.schema.names if name not in known]
        if unexpected:
            raise unknown("input column", unexpected[0], [spec.name for spec in specs])
        for start in range(0, batch.num_rows, size):
            rows = batch.slice(start, size)
            yield Batch({spec.name: _column(spec, rows, first + start) for spec in specs})
        first += batch.num_rows


def _column(spec: TensorSpec, batch: Any, first: int) -> np.ndarray:
    from suite.data import arrow_types, columns

    is_text = spec.kind == "categorical"
    # Not yet of its own dtype: numbers that float32 cannot hold are to be found, not to become infinite.
    target = np.full(batch.num_rows, "" if is_text else np.nan, object if is_text else np.float64)
    if spec.name in batch.schema.names:
        written = replace(spec, format=columns.form_of(spec, batch))
        _fill(written, arrow_types.plain(batch.column(spec.name)), target, first)
    return target if is_text else target.astype(spec.dtype, copy=False)


def _fill(spec: TensorSpec, column: Any, target: np.ndarray, first: int) -> None:
    """Write a column's values into the target; SuiteError names the row of one that cannot be read."""
    from suite.data import arrow_types, columns

    try:
        is_read = columns.fill(spec.kind, spec.format, column, target, {}) == 0
    except ValueError:
        is_read = False
    if spec.kind != "numeric":
        if not is_read:
            _refuse(spec, columns.texts(column).to_pylist(), first)
    elif arrow_types.is_number(column.type):
        given = arrow_types.floats(column)
        if (np.abs(given) > values.LARGEST).any():
            _refuse(spec, map(str, given), first)
    else:
        texts = columns.texts(column)
        # A number that became missing was infinite, or nearly.
        if not is_read or int(np.isnan(target).sum()) > texts.null_count:
            _refuse(spec, texts.to_pylist(), first)


def _refuse(spec: TensorSpec, cells: Iterable[str | None], first: int) -> NoReturn:
    """SuiteError for the first cell that cannot be read."""
    for row, text in enumerate(cells, first):
        try:
            values.cell(text or "", spec.kind, spec.format)
        except ValueError as error:
            raise SuiteError(
                f"row {row}, column '{spec.name}': {(text or '')[:50]!r} is not {WANTED[spec.kind]}"
                f"{f' as in {spec.format}' if spec.format else ''}: correct it or leave it empty"
            ) from error
    raise SuiteError(f"the column '{spec.name}' cannot be read: make it {WANTED[spec.kind]} in each row")


def _batches(source: str, lines: bool) -> Iterator[Any]:
    import pyarrow as pa

    from suite.data import formats
    from suite.data.source import check_source

    if source == STDIN:
        yield from formats.batches(sys.stdin.buffer)
        return
    path = check_source(Path(source))
    if path.is_dir():
        raise UsageError(f"{source} is a folder: give a file")
    if lines and path.suffix.lower() == ".txt":
        with path.open(encoding="utf-8-sig") as file:
            for chunk in _chunks((line.rstrip("\n") for line in file), formats.ROWS_PER_BATCH):
                yield pa.RecordBatch.from_pydict({"text": chunk})
        return
    yield from formats.batches(path)


def _chunks(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk
