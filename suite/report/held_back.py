"""The test rows of an artifact as its network answered them: what pages are drawn from, and models compared by."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite import artifact
from suite.data.dataset import Dataset
from suite.errors import SuiteError

FILE = "test_predictions.npz"


@dataclass
class HeldBack:
    """Classes y (N,), probabilities float32 (N, K), and for each row a hash of its inputs, uint64 (N,)."""

    y: np.ndarray
    probabilities: np.ndarray
    keys: np.ndarray


def collect(dataset: Dataset, rows: np.ndarray, probabilities: np.ndarray) -> HeldBack:
    """The answers for these rows of a data set."""
    columns = [dataset.inputs[spec.name][rows] for spec in dataset.specs]
    keys = [
        int.from_bytes(hashlib.blake2b(b"\0".join(_bytes(column[row]) for column in columns), digest_size=8).digest())
        for row in range(len(rows))
    ]
    return HeldBack(dataset.y[rows], probabilities.astype(np.float32), np.array(keys, np.uint64))


def _bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else np.asarray(value).tobytes()


def write(folder: Path, held_back: HeldBack) -> None:
    """Store the answers in an artifact's folder."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, y=held_back.y, probabilities=held_back.probabilities, keys=held_back.keys)
    artifact.replace_file(folder / FILE, buffer.getbuffer())


def read(folder: Path) -> HeldBack:
    """The answers in an artifact's folder; SuiteError where there are none or they are damaged."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as saved:
            return HeldBack(saved["y"], saved["probabilities"], saved["keys"])
    except FileNotFoundError:
        raise SuiteError(f"{folder} does not hold its answers to the test rows: fit the model again") from None
    except (OSError, ValueError, KeyError) as error:
        raise SuiteError(f"{folder / FILE} is damaged ({error}): restore it or fit the model again") from error
