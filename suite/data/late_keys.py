"""Keys of JSON that only later rows have: columns from the first row on, with missing values before."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from suite.data import formats
from suite.errors import listed


def batches(
    file: formats.TableFile,
    needed: Collection[str],
    known: Collection[str] = (),
    *,
    every: bool = False,
    hold: bool = True,
) -> Iterator[Any]:
    """The batches of a file; where the first rows of JSON lack a needed column, it is looked for in the others first.

    A file is read twice for that, and to find `every` column. The rows of a pipe are held in memory until the needed
    columns begin, unless `hold` is off. Writers of JSON leave out what is missing: needed columns that no row has are
    missing, as the file's notes say, if rows have some and no key that is not `known`, which might be meant for one.
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
    absent = _left_out(file, needed, known) if hold else []
    if absent:
        file.notes.append(f"columns that no row has, taken as missing: {listed(absent)}")
    for batch in held:
        yield _padded(batch, [*file.columns, *absent])
    for batch in found:
        yield _padded(batch, absent)


def _left_out(file: formats.TableFile, needed: Collection[str], known: Collection[str]) -> list[str]:
    """The needed columns that no row of JSON has, if the rows have nothing else in their place."""
    absent = [name for name in needed if name not in file.columns and name not in known]
    is_partial = bool(file.columns) and any(name in file.columns for name in needed)
    return absent if is_partial and file.columns.keys() <= {*needed, *known} else []


def _lacks(file: formats.TableFile, needed: Collection[str]) -> bool:
    """Whether the rows of JSON so far have not had a needed column."""
    return bool(file.columns) and not file.columns.keys() >= set(needed)


def _padded(batch: Any, columns: Collection[str]) -> Any:
    for name in columns:
        if name not in batch.schema.names:
            batch = batch.append_column(name, pa.nulls(batch.num_rows, pa.string()))
    return batch
