"""The predictions for the test rows that an artifact stores, by which two models are compared."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite import artifact, task
from suite.artifact import Card
from suite.data import row_keys
from suite.data.dataset import Dataset
from suite.errors import SuiteError

FILE = "test_predictions.npz"


@dataclass(frozen=True)
class StoredPredictions:
    """The truth y, outputs float32 (N, K), and for each row a hash of its inputs, uint64 (N,)."""

    y: np.ndarray
    outputs: np.ndarray
    keys: np.ndarray

    def sorted(self) -> "StoredPredictions":
        """The rows in an order that depends only on what they hold, so that intervals do not depend on any other."""
        order = np.lexsort((*self.y.reshape(len(self.y), -1).T, self.keys))
        return StoredPredictions(self.y[order], self.outputs[order], self.keys[order])


def collect(dataset: Dataset, outputs: np.ndarray) -> StoredPredictions:
    """The predictions (N, K) for the test rows of a data set."""
    rows = dataset.rows["test"]
    return StoredPredictions(dataset.y[rows], outputs.astype(np.float32), row_keys.row_keys(dataset, rows))


def write(folder: Path, predictions: StoredPredictions) -> None:
    """Store predictions in an artifact's folder."""
    buffer = io.BytesIO()
    # The same name whatever the task is.
    np.savez_compressed(buffer, y=predictions.y, probabilities=predictions.outputs, keys=predictions.keys)
    artifact.replace_file(folder / FILE, buffer.getbuffer())


def read(folder: Path, card: Card) -> StoredPredictions:
    """The stored predictions of the model of this card; SuiteError if there are none or they are damaged."""
    try:
        # Given a path, NumPy leaves a damaged file open.
        with np.load(io.BytesIO((folder / FILE).read_bytes()), allow_pickle=False) as saved:
            predictions = StoredPredictions(saved["y"], saved["probabilities"], saved["keys"])
        _check(predictions, card)
    except FileNotFoundError:
        raise SuiteError(f"{folder} does not hold its predictions for the test rows: fit the model again") from None
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SuiteError(f"{folder / FILE} is damaged ({error}): restore it or fit the model again") from error
    return predictions


def _check(predictions: StoredPredictions, card: Card) -> None:
    """ValueError if the arrays are not of the kind that `write` stores."""
    y, outputs, keys = predictions.y, predictions.outputs, predictions.keys
    rows, shape = len(y), card.outputs[0].shape
    if not rows or outputs.shape != (rows, *shape) or keys.shape != (rows,):
        raise ValueError(f"{rows} rows with outputs {outputs.shape}, where each has {shape}")
    if outputs.dtype.kind != "f" or keys.dtype != np.uint64:
        raise ValueError("arrays of other types than were written")
    if not np.isfinite(outputs).all() or not task.get(card.task).is_truth(y, len(card.labels)):
        raise ValueError("values that no prediction can have")
