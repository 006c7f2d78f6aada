"""The test rows of an artifact as its network answered them: what pages are drawn from, and models compared by."""

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite import artifact
from suite.data.dataset import Dataset
from suite.errors import SuiteError

FILE = "test_predictions.npz"


@dataclass(frozen=True)
class HeldBack:
    """Classes y (N,), probabilities float32 (N, K), and for each row a hash of its inputs, uint64 (N,)."""

    y: np.ndarray
    probabilities: np.ndarray
    keys: np.ndarray

    def sorted(self) -> "HeldBack":
        """The rows in an order that depends on nothing but what they hold."""
        order = np.lexsort((self.y, self.keys))
        return HeldBack(self.y[order], self.probabilities[order], self.keys[order])


def collect(dataset: Dataset, probabilities: np.ndarray) -> HeldBack:
    """The answers (N, K) for the test rows of a data set."""
    rows = dataset.rows["test"]
    columns = [_bytes(dataset.inputs[spec.name][rows]) for spec in dataset.specs]
    keys = [
        int.from_bytes(hashlib.blake2b(b"\0".join(values), digest_size=8).digest())
        for values in zip(*columns, strict=True)
    ]
    return HeldBack(dataset.y[rows], probabilities.astype(np.float32), np.array(keys, np.uint64))


def _bytes(column: np.ndarray) -> list[bytes]:
    if column.dtype == object:
        return [value.encode("utf-8", "surrogatepass") for value in column]
    return [value.tobytes() for value in column]


def write(folder: Path, held_back: HeldBack) -> None:
    """Store the answers in an artifact's folder."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, y=held_back.y, probabilities=held_back.probabilities, keys=held_back.keys)
    artifact.replace_file(folder / FILE, buffer.getbuffer())


def read(folder: Path, classes: int) -> HeldBack:
    """The answers of a model of so many classes; SuiteError where there are none or they are damaged."""
    try:
        # NumPy leaves a damaged file open when it is given its name.
        with np.load(io.BytesIO((folder / FILE).read_bytes()), allow_pickle=False) as saved:
            found = HeldBack(saved["y"], saved["probabilities"], saved["keys"])
        _check(found, classes)
    except FileNotFoundError:
        raise SuiteError(f"{folder} does not hold its answers to the test rows: fit the model again") from None
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SuiteError(f"{folder / FILE} is damaged ({error}): restore it or fit the model again") from error
    return found


def _check(found: HeldBack, classes: int) -> None:
    rows = len(found.y)
    if not rows or found.probabilities.shape != (rows, classes) or found.keys.shape != (rows,):
        raise ValueError(f"{rows} rows with probabilities {found.probabilities.shape} for {classes} labels")
    if found.y.dtype.kind not in "iu" or found.probabilities.dtype.kind != "f" or found.keys.dtype != np.uint64:
        raise ValueError("arrays of other types than were written")
    if found.y.min() < 0 or found.y.max() >= classes or not np.isfinite(found.probabilities).all():
        raise ValueError("values that no answer can have")
