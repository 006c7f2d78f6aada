"""Streaming readers of unlabelled rows, as a model's inputs, for batch prediction."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.data.memory import Memory, Pictures
from suite.data.options import Reading
from suite.errors import SuiteError, UsageError, listed, nearest, shortened, unknown
from suite.preprocessing.mirror import image

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
TEXT_FILE = ".txt"
STDIN = "-"
ALL = "all"


@dataclass(frozen=True)
class RowOptions:
    """How rows are read and which columns are kept; `tell` gets a line about each thing that is worth knowing.

    `keep` names columns, or is ("all",). With `allow_missing`, a column that the model uses and the data lacks is
    missing in every row.
    """

    reading: Reading = field(default_factory=Reading)
    keep: tuple[str, ...] = ()
    allow_missing: bool = False
    tell: Callable[[str], None] = lambda line: None


@dataclass(frozen=True)
class Batch:
    """Raw inputs of some rows, and an Arrow batch of their `kept` columns.

    Of files also all paths, and the errors of unreadable ones by path.
    """

    inputs: dict[str, np.ndarray]
    paths: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    kept: Any = None


DEFAULT = RowOptions()


def images(source: str | Memory, form: image.Form, size: int, options: RowOptions = DEFAULT) -> Iterator[Batch]:
    """uint8 images (N, height, width, channels): those below a folder, a single one, or those listed in a table."""
    if isinstance(source, Memory):
        yield from _pictures(source, form, size, options)
        return
    told = False
    for chunk, kept in _listed_files(source, size, options):
        pictures, errors = _read_each(chunk, lambda path: (path, image.read(path.read_bytes(), form)))
        cut = next((path for path, picture in pictures if picture.is_cut), None)
        if cut and not told:
            told = True
            options.tell(
                f"pictures of 16 bits with values above {2**form.bits - 1:,}, which the model takes for white: {cut}"
            )
        stacked = np.array([picture.pixels for _, picture in pictures], np.uint8).reshape(-1, *form[:3])
        yield Batch({"image": stacked}, [str(path) for path in chunk], errors, kept)


def _pictures(source: Memory, form: image.Form, size: int, options: RowOptions) -> Iterator[Batch]:
    from suite.data import arrays

    if not isinstance(source, Pictures):
        raise UsageError(f"{source} holds no pictures: give an array of them, or a path")
    _refuse_keep(source, options)
    pictures, notes = arrays.convert_to_form(arrays.to_uint8(source, source.images), form)
    for line in notes:
        options.tell(line)
    for start in range(0, len(pictures), size):
        yield Batch({"image": pictures[start : start + size]})


def _read_each(paths: list[Path], read: Callable[[Path], Any]) -> tuple[list[Any], dict[str, str]]:
    """What was read of each readable file, and the errors of the others by path."""
    found: list[Any] = []
    errors = {}
    for path in paths:
        try:
            found.append(read(path))
        except OSError as error:
            errors[str(path)] = f"the file cannot be read ({error.strerror}): correct the path"
        except SuiteError as error:
            errors[str(path)] = str(error)
    return found, errors


def _listed_files(source: str, size: int, options: RowOptions) -> Iterator[tuple[list[Path], Any]]:
    """Pictures, and the kept columns of the table that lists them."""
    from suite.data import walk

    path = Path(source)
    if path.is_dir() or path.suffix.lower() in PICTURES:
        _check_path(path)
        _refuse_keep(source, options)
        found = walk.files_below(path)[0] if path.is_dir() else [path]
        pictures = (one for one in found if one.suffix.lower() in PICTURES)
        yield from ((chunk, None) for chunk in _chunks(pictures, size))
        return

    from suite.data.picture_files import PATH_NAMES

    folder = Path() if source == STDIN else path.parent
    for batch in _batches(source, options):
        names = batch.schema.names
        column = next((name for name in names if name.lower() in PATH_NAMES), names[0] if len(names) == 1 else None)
        if column is None:
            raise UsageError(f"{source} has the columns {listed(names)}: name the one of paths 'path'")
        for rows in _slices(batch, size):
            yield [folder / str(value or "") for value in rows.column(column).to_pylist()], _kept(rows, options)


def texts(
    source: str | Memory, column: str | None, size: int, options: RowOptions = DEFAULT, whole_files: bool = False
) -> Iterator[Batch]:
    """The texts of a table's column, the lines of a .txt file, or with `whole_files` the file as one text.

    The texts of a folder are its .txt files. A `column` of None is detected.
    """
    if column is None and not isinstance(source, Memory):
        path = Path(source)
        if path.is_dir() or (whole_files and _is_text_file(source)):
            yield from _text_files(path, size, options)
            return
    for batch in _batches(source, options, lines=column is None, needed=[column] if column else []):
        names = batch.schema.names
        column = column or _text_column(source, batch)
        if column not in names:
            raise unknown("column", column, names)
        for rows in _slices(batch, size):
            found = ["" if value is None else str(value) for value in rows.column(column).to_pylist()]
            yield Batch({"text": np.array(found, object)}, kept=_kept(rows, options))


def _is_text_file(source: str) -> bool:
    """Whether a file is named .txt, packed or not, and holds plain text."""
    from suite.data import compression, file_kinds, formats

    path = Path(source)
    return (
        compression.suffix_of(path) == TEXT_FILE
        and _check_path(path).is_file()
        and formats.kind_of(path) == file_kinds.CSV
    )


def _text_files(path: Path, size: int, options: RowOptions) -> Iterator[Batch]:
    from suite.data import formats, walk

    _refuse_keep(str(path), options)
    if path.is_dir():
        found = [one for one in walk.files_below(path)[0] if one.suffix.lower() == TEXT_FILE]
    else:
        options.tell(f"{path} is taken as one text, as the model learned from files (a table gives a text a row)")
        found = [path]
    for chunk in _chunks(iter(found), size):
        read, errors = _read_each(chunk, lambda one: formats.text(formats.TableFile(one, options.reading)))
        yield Batch({"text": np.array(read, object)}, [str(one) for one in chunk], errors)


def _text_column(source: str | Memory, batch: Any) -> str:
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


def table(
    source: str | Memory, specs: list[TensorSpec], ignored: list[str], size: int, options: RowOptions = DEFAULT
) -> Iterator[Batch]:
    """A model's columns; others are passed over, and told unless they are `ignored` or kept.

    UsageError for a column that is absent, unless missing ones are allowed.
    """
    from suite.data import model_columns

    first = 1
    used = [spec.name for spec in specs]
    told = {*used, *ignored, *options.keep}
    for batch in _batches(source, options, needed=used, known=ignored):
        names = batch.schema.names
        if first == 1:
            _tell_date_forms(specs, names, options)
            _check_complete(source, used, names, options)
        unused = [name for name in names if name not in told]
        if unused and options.keep != (ALL,):
            options.tell(f"columns that the model does not use are passed over: {listed(unused)}")
        told.update(unused)
        for rows in _slices(batch, size):
            yield Batch({spec.name: model_columns.read(spec, rows, first) for spec in specs}, kept=_kept(rows, options))
            first += rows.num_rows


def _tell_date_forms(specs: list[TensorSpec], names: list[str], options: RowOptions) -> None:
    """Tell how dates are read that are not ISO 8601: where day and month can be confused, nothing else would."""
    for spec in specs:
        if spec.kind == "date" and spec.format and spec.name in names:
            options.tell(f"dates of '{spec.name}' are read as {spec.format}, as the model learned them, or as ISO 8601")


def _check_complete(source: str | Memory, used: list[str], names: list[str], options: RowOptions) -> None:
    absent = [name for name in used if name not in names]
    if not absent:
        return
    place = "standard input" if source == STDIN else source
    if len(absent) < len(used) and options.allow_missing:
        options.tell(f"columns absent, taken as missing: {listed(absent)}")
        return
    near = nearest(absent[0], [name for name in names if name not in used])
    meant = f" (is it '{shortened(near)}'?)" if near else ""
    raise UsageError(
        f"{place} has no column {listed(absent)}{meant}, which the model uses: "
        + ("give one like the training data" if len(absent) == len(used) else "add it, or say --allow-missing")
    )


def _kept(rows: Any, options: RowOptions) -> Any:
    """The columns to keep of an Arrow batch."""
    if not options.keep or options.keep == (ALL,):
        return rows if options.keep else None
    for name in options.keep:
        if name not in rows.schema.names:
            raise unknown("column to keep", name, rows.schema.names)
    return rows.select(list(options.keep))


def _refuse_keep(source: str | Memory, options: RowOptions) -> None:
    if options.keep:
        raise UsageError(f"{source} is no table, so it has no columns to keep: leave --keep out")


def _batches(
    source: str | Memory,
    options: RowOptions,
    lines: bool = False,
    needed: Sequence[str] = (),
    known: Sequence[str] = (),
) -> Iterator[Any]:
    """Arrow batches of a table's rows or, where `lines` may be given, of the lines of a .txt file.

    Columns that are needed or kept are in every batch, even if the first rows of JSON lack them; see late_keys.
    """
    import pyarrow as pa

    from suite.data import formats, late_keys
    from suite.data.json_rows import ROWS_PER_BATCH

    every, hold = options.keep == (ALL,), not options.allow_missing
    kept = () if every else options.keep
    needed, known = [*needed, *kept], [*known, *kept]
    if isinstance(source, Memory):
        file = formats.TableFile(source, options.reading)
        found = formats.batches(file)
    elif source == STDIN:
        file = formats.TableFile(sys.stdin.buffer, options.reading)
        found = late_keys.batches(file, needed, known, every=every, hold=hold)
    else:
        path = _check_path(Path(source))
        if path.is_dir():
            raise UsageError(f"{source} is a folder: give a file")
        file = formats.TableFile(path, options.reading)
        if lines and _is_text_file(source):
            found = (
                pa.RecordBatch.from_pydict({"text": chunk})
                for chunk in _chunks(formats.text_lines(file), ROWS_PER_BATCH)
            )
        else:
            found = late_keys.batches(file, needed, known, every=every, hold=hold)
    told = 0
    for batch in found:
        for line in file.notes[told:]:
            options.tell(line)
        told = len(file.notes)
        yield batch


def _check_path(path: Path) -> Path:
    from suite.data.source import check_path

    return check_path(path, may_be_pipe=True)


def _slices(batch: Any, size: int) -> Iterator[Any]:
    """An Arrow batch in parts of at most `size` rows."""
    for start in range(0, batch.num_rows, size):
        yield batch.slice(start, size)


def _chunks(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk
