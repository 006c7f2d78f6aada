"""Whether data is still what a model was made from, and which of its rows the model was trained on."""

from pathlib import Path

import numpy as np

from suite.artifact import Card
from suite.data import row_keys
from suite.data.dataset import Dataset
from suite.errors import SuiteError
from suite.report import stored_predictions

# Where a larger share of a model's own test rows equals training rows, rows are no individuals.
MAX_REPEATED = 0.05


def is_unchanged(card: Card, dataset: Dataset) -> bool:
    """Whether the data has the content that the model was made from."""
    return bool(card.data.get("sha256") == dataset.source["sha256"])


def has_same_splits(card: Card, dataset: Dataset) -> bool:
    """Whether the splits of the data are those of the model's training: content and options are the same."""
    return is_unchanged(card, dataset) and card.data.get("options") == dataset.source.get("options")


def trained_on(folder: Path, card: Card, dataset: Dataset, rows: np.ndarray) -> np.ndarray | None:
    """Whether the model was trained on each of the rows, bool (N,), validation rows included.

    None where that cannot be told: many rows of the model's data are equal, or the artifact does not say.
    """
    trained = row_keys.read_trained(folder)
    if trained is None:
        return None
    try:
        test = stored_predictions.read(folder, len(card.labels)).keys
    except SuiteError:
        return None
    if np.isin(test, trained).mean() > MAX_REPEATED:
        return None
    return np.isin(row_keys.row_keys(dataset, rows), trained)
