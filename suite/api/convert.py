"""Frames, arrays and lists as data in memory: any frame goes through Arrow, whatever library made it."""

import datetime
import decimal
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite.data.options import MULTI_LABEL
from suite.errors import SuiteError, UsageError, listed
from suite.notation import join_names

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from suite.artifact import Card
    from suite.data.memory import Memory

LABEL, TEXT = "label", "text"
SIMPLE = (str, int, float, bool, decimal.Decimal, datetime.date, datetime.datetime)


def source(kind: str, data: Any, labels: Any = None) -> "tuple[str | Memory | None, str | None]":
    """Data of a domain's kind (image, text or table) as a reader takes it, and the column of labels if they were given.

    `data` is a path or the name of built-in data, which stay as they are, or a frame, arrays or lists. `labels` is the
    name of a column, a list of names of several, a label for each row, or a frame or array with several for each.
    """
    if data is None or isinstance(data, str | os.PathLike):
        labels = names_of(labels) or labels
        if labels is not None and not isinstance(labels, str):
            raise UsageError("label= is the name of a column where the data is a path: name it")
        return None if data is None else os.fspath(data), labels
    if kind == "image":
        if isinstance(labels, str):
            raise UsageError("pictures in memory have no columns: give their labels as label=, one for each")
        return _pictures(data, labels), None
    frame, notes = _texts(data) if kind == TEXT and not is_frame(data) else table(data)
    names = names_of(labels)
    if names is not None and _are_columns(labels, frame):
        labels = names
    column = labels
    if labels is not None and not isinstance(labels, str):
        frame, column = _with_labels(frame, labels)

    from suite.data.memory import Frame

    return Frame(frame, notes), column


def names_of(labels: Any) -> str | None:
    """A list of texts, which may be names of columns, as the option for a label has them; None for anything else."""
    if not isinstance(labels, list | tuple) or not labels or not all(isinstance(name, str) for name in labels):
        return None
    return labels[0] if len(labels) == 1 else join_names(labels)


def _are_columns(names: Sequence[str], frame: "pa.Table") -> bool:
    """Whether texts are meant as names of columns, and not as a label for each row."""
    known = [name in frame.column_names for name in names]
    if len(names) == frame.num_rows:
        return all(known) and len(set(names)) == len(names)
    return any(known)


def is_frame(data: Any) -> bool:
    """Whether it is a table: a frame of pandas, polars or Arrow, or columns by name."""
    return (
        (hasattr(data, "__arrow_c_stream__") and not _is_series(data)) or isinstance(data, Mapping) or _is_pandas(data)
    )


def _is_pandas(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns")


def _is_series(data: Any) -> bool:
    return hasattr(data, "to_numpy") and not hasattr(data, "columns") and not hasattr(data, "schema")


def table(data: Any) -> "tuple[pa.Table, list[str]]":
    """A frame, columns by name, a list of rows as dictionaries, or an array (rows, columns) as an Arrow table.

    Also what was decided, a line each. UsageError for anything else.
    """
    import numpy as np
    import pyarrow as pa

    if _is_pandas(data):
        return _from_pandas(data)
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return _without_views(pa.table(data)), []
        if isinstance(data, Mapping):
            return pa.table(dict(data)), []
        if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
            return pa.Table.from_pylist([dict(row) for row in data]), []
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UsageError(
            f"the data is no table ({' '.join(str(error).split())[:200]}): give columns of one length and type"
        ) from error
    if isinstance(data, np.ndarray | list | tuple):
        return _from_array(np.asarray(data)), []
    raise UsageError(
        f"data of the type {type(data).__name__} cannot be read: give a path, a frame (pandas, polars, Arrow) or an "
        "array"
    )


def _without_views(table: "pa.Table") -> "pa.Table":
    """The table without views of text, as polars has it: Arrow cannot filter them."""
    import pyarrow as pa

    for position, field in enumerate(table.schema):
        if pa.types.is_string_view(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.large_string()))
    return table


def _from_array(array: "np.ndarray") -> "pa.Table":
    import pyarrow as pa

    if array.ndim != 2:
        raise UsageError(f"an array of the shape {array.shape} is no table: give (rows, columns)")
    names = [f"column {number}" for number in range(1, array.shape[1] + 1)]
    return pa.table([_column(name, array[:, number]) for number, name in enumerate(names)], names)


def _from_pandas(frame: Any) -> "tuple[pa.Table, list[str]]":
    """All columns, and an index that has a name; an index without one is left out, and told unless it only counts."""
    import pyarrow as pa

    notes = []
    if frame.columns.nlevels > 1:
        raise UsageError(f"the frame has columns of {frame.columns.nlevels} levels: join their names")
    if all(name is not None for name in frame.index.names):
        notes.append(f"the frame's index is read as columns: {', '.join(map(str, frame.index.names))}")
        frame = frame.reset_index()
    elif type(frame.index).__name__ != "RangeIndex":
        notes.append("the frame's index has no name and is left out: name it, or call reset_index(), to have it read")
    names, columns = [], []
    for position, name in enumerate(frame.columns):
        series = frame.iloc[:, position]
        types = _mixed(series) if series.dtype == object else []
        if types:
            notes.append(f"values of several types ({', '.join(types)}) are read as text: {name}")
        names.append(str(name))
        columns.append(_column(str(name), series, as_text=bool(types)))
    return pa.table(columns, names), notes


def _mixed(values: Iterable[Any]) -> list[str]:
    """The types of values that have no common type in Arrow, by name; none if one fits all."""
    kinds = {type(value) for value in values if not _is_missing(value)}
    if len(kinds) < 2 or kinds <= {int, float}:
        return []
    return sorted(kind.__name__ for kind in kinds)


def _is_missing(value: Any) -> bool:
    # Neither pandas' NA nor NaT can be compared.
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _column(name: str, values: Any, as_text: bool = False) -> "pa.Array":
    import pyarrow as pa

    try:
        if as_text:
            return pa.array([_as_text(name, value) for value in values], pa.string())
        found = pa.array(values, from_pandas=True)
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    except (pa.ArrowException, TypeError, ValueError) as error:
        if as_text:
            raise
        kind = getattr(values, "dtype", type(values).__name__)
        if str(kind) == "object":
            return _column(name, values, as_text=True)
        raise SuiteError(
            f"the column '{name}' of the type {kind} cannot be read: make it numbers, dates or text"
        ) from error


def _as_text(name: str, value: Any) -> str | None:
    if _is_missing(value):
        return None
    plain = value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
    if not isinstance(plain, SIMPLE):
        raise SuiteError(
            f"the column '{name}' holds values of the type {type(value).__name__}: make them numbers, dates or text"
        )
    return str(plain)


def _texts(data: Any) -> "tuple[pa.Table, list[str]]":
    """A list, an array or a series of texts as a table of one column."""
    import pyarrow as pa

    values = _values(data)
    if values and all(isinstance(row, Mapping) for row in values):
        return table(values)
    strange = next((value for value in values if value is not None and not isinstance(value, str)), None)
    if strange is not None:
        raise UsageError(f"texts are of the type str, and one is a {type(strange).__name__}: give a list of str")
    return pa.table({TEXT: pa.array(values, pa.string())}), []


def _values(data: Any) -> list[Any]:
    if isinstance(data, str) or not isinstance(data, Iterable):
        raise UsageError(f"data of the type {type(data).__name__} cannot be read: give a list, an array or a frame")
    return [None if _is_missing(value) else value for value in (data.tolist() if hasattr(data, "tolist") else data)]


def _with_labels(frame: "pa.Table", labels: Any) -> "tuple[pa.Table, str]":
    """The table with a column of labels, or several, and the name or names."""
    import pyarrow as pa

    if is_frame(labels) or getattr(labels, "ndim", 1) == 2:
        return _with_label_columns(frame, table(labels)[0], "label " if not is_frame(labels) else "")
    values = _values(labels)
    if len(values) != frame.num_rows:
        raise UsageError(f"there are {len(values):,} labels for {frame.num_rows:,} rows: give one for each row")
    name = _free_name(str(getattr(labels, "name", None) or LABEL), frame)
    try:
        column = pa.array(values)
    except (pa.ArrowException, TypeError):
        column = _column(name, values, as_text=True)
    return frame.append_column(name, column), name


def _with_label_columns(frame: "pa.Table", labels: "pa.Table", prefix: str) -> "tuple[pa.Table, str]":
    """The table with further columns; those of an array are called by their number after the prefix."""
    if labels.num_rows != frame.num_rows:
        raise UsageError(f"there are {labels.num_rows:,} labels for {frame.num_rows:,} rows: give one for each row")
    found = [f"{prefix}{number}" if prefix else name for number, name in enumerate(labels.column_names, 1)]
    names = [_free_name(name, frame) for name in found]
    for name, column in zip(names, labels.columns, strict=True):
        frame = frame.append_column(name, column)
    return frame, join_names(names)


def _free_name(name: str, frame: "pa.Table") -> str:
    """The name, or one that no column has."""
    while name in frame.column_names:
        name = f"{name}_"
    return name


def _pictures(data: Any, labels: Any) -> "Memory":
    import numpy as np

    from suite.data.memory import Pictures

    if is_frame(data):
        raise UsageError("a frame holds no pictures: give an array (rows, height, width, channels), or a path")
    arrays = data if isinstance(data, np.ndarray) else [np.asarray(picture) for picture in data]
    if not isinstance(arrays, np.ndarray):
        shapes = sorted({array.shape for array in arrays}, key=str)
        if len(shapes) != 1:
            shown = listed([" x ".join(map(str, shape)) for shape in shapes[:4]])
            raise UsageError(f"the pictures are of several sizes ({shown}): give them one size, or a folder of files")
        arrays = np.stack(arrays)
    classes = None if labels is None else np.asarray(_values(labels))
    return Pictures(arrays, classes)


def check_width(card: "Card", width: int) -> None:
    """UsageError if an array of so many columns is not what a model of a table learned from: they have no names."""
    label = card.data.get("label_column")
    of_label = [label, *(card.labels if card.task == MULTI_LABEL else ())]
    known = [name for name in (*(spec.name for spec in card.inputs), *card.ignored) if name not in of_label]
    if not all(name.removeprefix("column ").isdigit() for name in known):
        shown = listed([spec.name for spec in card.inputs][:5])
        raise UsageError(f"the model knows its columns by name ({shown}), and an array has none: give a frame")
    if width != len(known):
        raise UsageError(f"the array has {width} columns and the model learned from {len(known)}: give the same ones")


def is_array(data: Any) -> bool:
    """Whether it holds rows of values without names of columns."""
    return type(data).__module__ == "numpy" or (isinstance(data, list | tuple) and not all(map(is_frame, data)))


def like(data: Any, answers: "pa.Table") -> Any:
    """A table as the library of the data has it: pandas, with the data's index, or polars; else as Arrow's."""
    library = type(data).__module__.partition(".")[0]
    if library == "pandas":
        found = answers.to_pandas()
        found.index = data.index
        return found
    if library == "polars":
        import polars

        return polars.from_arrow(answers)
    return answers
