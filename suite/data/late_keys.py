"""Keys of JSON that only later rows have: columns from the first row on, with missing values before."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from suite.data import formats


def batches(
    file: formats.TableFile, needed: Collection[str], *, every: bool = False, hold: bool = True
) -> Iterator[Any]:  # fmt: skip
    """The batches of a file; where the first rows of JSON lack a needed column, it is looked for in the others first.

    A file is read twice for that, and to find `every` column. The rows of a pipe are held in memory until the needed
    columns begin, unless `hold` is off.
    """
    found = formats.batches(file)
    first = next(found, None)
    if first is None:
        return
    held = [first]
    is_json, can_be_read_again = bool(file.columns), isinstance(file.source, Path) and file.source.is_file()
    if can_be_read_again and is_json and (every or _lacks(file, needed)):
        while (every or _lacks(file, needed)) and next(found, None) is not None:
            pass
        held, found = [], formats.batches(file)
    while hold and _lacks(file, needed) and (batch := next(found, None)) is not None:
        held.append(batch)
    for batch in held:
        yield _padded(batch, file.columns)
    yield from found


def _lacks(file: formats.TableFile, needed: Collection[str]) -> bool:
    """Whether the rows of JSON so far have not had a needed column."""
    return bool(file.columns) and not file.columns.keys() >= set(needed)


def _padded(batch: Any, columns: Collection[str]) -> Any:
    for name in columns:
        if name not in batch.schema.names:
            batch = batch.append_column(name, pa.nulls(batch.num_rows, pa.string()))
    return batch
