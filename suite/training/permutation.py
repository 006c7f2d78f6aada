"""Predictions with one column's values exchanged among rows, which tell how much a network relies on the column."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from suite.data.dataset import Dataset, SplitName
from suite.data.splits import strata
from suite.preprocessing import mirror
from suite.preprocessing.mirror.table import text_columns
from suite.training.data import PreparedData
from suite.training.model import values_per_row
from suite.training.predictor import Predictor

MAX_ROWS, MIN_ROWS, MAX_REPEATS = 2_000, 200, 3
# The values that all layers compute in all, which takes about two seconds; further columns are left out.
MAX_VALUES = 500_000_000


@dataclass(frozen=True)
class Sample:
    """Numbers of rows, int (N,), and how many rows of its class each stands for, float64 (N,)."""

    rows: np.ndarray
    weights: np.ndarray


def sample(y: np.ndarray, rows: np.ndarray, most: int) -> Sample:
    """At most about so many of the rows, evenly; of rare classes all, since a share of them would tell little."""
    of_rows = strata(y[rows])
    classes = sorted((rows[of_rows == label] for label in np.unique(of_rows)), key=len)
    chosen: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for number, members in enumerate(classes):
        room = (most - sum(map(len, chosen))) // (len(classes) - number)
        taken = members[np.linspace(0, len(members) - 1, min(len(members), max(1, room))).round().astype(int)]
        chosen.append(taken)
        weights.append(np.full(len(taken), len(members) / len(taken)))
    return Sample(np.concatenate(chosen), np.concatenate(weights))


class ColumnExchange:
    """A network's predictions for some rows of a table's split, as they are and with a column exchanged.

    `sample` holds the rows and `measured` the names of the columns: the first ones, where all would take too long.
    """

    def __init__(self, model: keras.Model, prepared: PreparedData, dataset: Dataset, split: SplitName) -> None:
        self._predictor, self._dataset, self._core = Predictor(model, prepared), dataset, prepared.core
        spec = prepared.preprocessing
        # Texts take long to transform, and each column of them has inputs of its own.
        self._text_inputs = {column["name"]: names.values() for column, names in text_columns(spec)}
        others = [column for column in spec["columns"] if column["name"] not in self._text_inputs]
        self._transform = mirror.load(spec | {"columns": others})
        self._split = dataset.rows[split]
        columns = list(dataset.inputs)
        affordable = MAX_VALUES // values_per_row(model)
        of_column = max(MIN_ROWS, affordable // len(columns))
        self.sample = sample(dataset.y, self._split, min(of_column, MAX_ROWS))
        rows = len(self.sample.rows)
        self._repeats = min(max(1, of_column // rows), MAX_REPEATS)
        self.measured = columns[: max(1, affordable // (rows * self._repeats))]

    def unchanged(self) -> np.ndarray:
        """The probabilities of the sample's rows, float32 (N, K)."""
        return self._predict(self.sample.rows, {})

    def exchanged(self, seed: int) -> Iterator[tuple[str, np.ndarray]]:
        """Each measured column's name, and the probabilities with its values from other rows, float32 (R x N, K).

        The rows come R times, each time with other values, which are drawn from the whole split: so rare classes, which
        the sample has more of, do not change the column's distribution (Breiman 2001).
        """
        generator = np.random.default_rng(seed)
        repeated = np.tile(self.sample.rows, self._repeats)
        # The same rows give their values for every column, so that the columns' order does not matter.
        donors = generator.choice(self._split, len(self.sample.rows) * self._repeats)
        for name in self.measured:
            yield name, self._predict(repeated, {name: donors})

    def _predict(self, rows: np.ndarray, donors: dict[str, np.ndarray]) -> np.ndarray:
        """The probabilities of rows, with the values of some columns from other rows."""
        exchanged = {name: self._dataset.inputs[name][given] for name, given in donors.items()}
        core = self._transform(self._dataset.take(rows) | exchanged)
        for name, inputs in self._text_inputs.items():
            core |= {key: self._core[key][donors.get(name, rows)] for key in inputs}
        return self._predictor.predict(core)
