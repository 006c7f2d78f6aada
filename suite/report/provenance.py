"""Whether data is still what a model was made from, and which of its rows the model was trained on."""

from pathlib import Path
from typing import Any

import numpy as np

from suite.artifact import Card
from suite.data import row_keys
from suite.data.dataset import Dataset
from suite.errors import SuiteError
from suite.report import stored_predictions

# Where a larger share of a model's own test rows equals training rows, rows are no individuals.
MAX_REPEATED = 0.05


def is_unchanged(card: Card, dataset: Dataset) -> bool:
    """Whether the data has the content that the model was made from, in the files of other splits too."""
    return list(_hashes(card.data).values()) == list(_hashes(dataset.source).values())


def changed_file(card: Card, dataset: Dataset) -> str | None:
    """The path or name of what has another content than the model was made from, at the same place; None for none."""
    made_from, found = _hashes(card.data), _hashes(dataset.source)
    return next((place for place in found if place in made_from and made_from[place] != found[place]), None)


def _hashes(source: dict[str, Any]) -> dict[str, str]:
    """The sha256 of the data and of the files of other splits, by path or name."""
    parts = [source, *source.get("files", {}).values()]
    return {str(part.get("name") or part.get("path")): part.get("sha256", "") for part in parts}


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
        test = stored_predictions.read(folder, card).keys
    except SuiteError:
        return None
    if np.isin(test, trained).mean() > MAX_REPEATED:
        return None
    return np.isin(row_keys.row_keys(dataset, rows), trained)
