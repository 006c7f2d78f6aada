"""Keys of rows: the same row has the same key in every version of a data set, so that it is recognised there."""

import hashlib
import io
from pathlib import Path

import numpy as np

from suite import artifact
from suite.data.dataset import Dataset

FILE = "trained_rows.npy"
# Rows are copied before they are hashed.
ROWS_AT_ONCE = 1024


def row_keys(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """A hash of the raw inputs of each of the rows, uint64 (N,); labels are not part of it."""
    parts = [_keys(dataset, rows[start : start + ROWS_AT_ONCE]) for start in range(0, len(rows), ROWS_AT_ONCE)]
    return np.concatenate([np.empty(0, np.uint64), *parts])


def _keys(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    columns = [_as_bytes(dataset.inputs[spec.name][rows]) for spec in dataset.specs]
    keys = [
        int.from_bytes(hashlib.blake2b(b"\0".join(values), digest_size=8).digest())
        for values in zip(*columns, strict=True)
    ]
    return np.array(keys, np.uint64)


def _as_bytes(column: np.ndarray) -> list[bytes]:
    if column.dtype == object:
        return [value.encode("utf-8", "surrogatepass") for value in column]
    return [value.tobytes() for value in column]


def write_trained(folder: Path, dataset: Dataset) -> None:
    """Store the keys of the training and validation rows in an artifact's folder: a model was made from both."""
    buffer = io.BytesIO()
    np.save(buffer, np.unique(row_keys(dataset, dataset.known_rows)))
    artifact.replace_file(folder / FILE, buffer.getbuffer())


def read_trained(folder: Path) -> np.ndarray | None:
    """The keys of the rows that a model was made from, uint64 (N,); None if they are not stored or damaged."""
    try:
        keys = np.load(io.BytesIO((folder / FILE).read_bytes()), allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    return np.asarray(keys) if keys.dtype == np.uint64 and keys.ndim == 1 else None
