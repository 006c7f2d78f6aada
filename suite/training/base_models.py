"""Base models of a table: boosted trees and a linear model, whose scores its network corrects (Wolpert 1992, stacking).

The network learns from scores out of fold, by models that did not see the row. What is exported holds models of all
training rows as fixed tensors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import keras
import numpy as np

from suite.blocks import stacking
from suite.blocks.stacking import LINEAR, TREES
from suite.blocks.trees import Trees
from suite.data import folding
from suite.data.dataset import Dataset
from suite.preprocessing.mirror import table
from suite.task import Scores, Task
from suite.training import boosting, linear_model, thinning
from suite.training.linear_model import LinearWeights
from suite.training.thinning import Thinning

FOLDS = 5
# Of fewer training and validation rows, folds tell nothing; with more scores a row, forests become slow and large.
MIN_ROWS, MAX_SCORES = 80, 32


@dataclass(frozen=True)
class _Fitted:
    """Scores float32 (N, models, K) of all rows by a member's models, out of fold for training rows, and the models."""

    scores: np.ndarray
    models: Any


class BaseModels:
    """Boosted trees and a linear model, fitted when they are first needed.

    `core` holds the core's inputs of all rows, `truth` (N,) classes or numbers, and each of the `folds` the other
    training rows and its own. With `thinned`, they see fewer rows of the commoner class; see suite.training.thinning.
    """

    def __init__(
        self, core: dict[str, np.ndarray], preprocessing: dict[str, Any], truth: np.ndarray, kind: Scores,
        folds: Sequence[tuple[np.ndarray, np.ndarray]], thinned: bool = False,
    ) -> None:  # fmt: skip
        self._truth, self._kind, self._folds = truth, kind, folds
        self._features = core.get("features", np.empty((len(truth), 0), np.float32))
        self._categories = core.get("categories", np.empty((len(truth), 0), np.int32))
        self._thinned = thinned
        self._weights: dict[tuple[str, ...], np.ndarray] = {}
        self._sizes = table.sizes(preprocessing)
        self._marks = table.marks(preprocessing)

    @classmethod
    def of(
        cls, task: Task, dataset: Dataset, target: Mapping[str, Any], preprocessing: dict[str, Any],
        core: dict[str, np.ndarray],
    ) -> Self | None:  # fmt: skip
        """The base models of a table; None where the task has no use for them, or there are too few rows for folds.

        None too for a table of nothing but texts, which they do not read.
        """
        kind = task.scores(target)
        # The same decisions for a training and for a retraining on all of these rows.
        known = dataset.known_rows
        if kind is None or kind.count > MAX_SCORES or len(known) < MIN_ROWS:
            return None
        if all(column["kind"] == "text" for column in preprocessing["columns"]):
            return None
        is_number = kind.objective == "regression"
        truth = task.targets(dataset.y, target)[:, 0].astype(np.float64) if is_number else dataset.y
        folds = folding.out_of_fold(dataset, FOLDS)
        return cls(core, preprocessing, truth, kind, folds, thinning.applies(dataset.y, known)) if folds else None

    def fit(self, members: Sequence[str]) -> None:
        """Fit the models of these members now, which takes seconds to minutes."""
        for member in members:
            self._of(member)

    def scores(self, members: Sequence[str]) -> np.ndarray:
        """float32 (N, models, K) for all rows, out of fold for training rows."""
        return np.concatenate([self._of(member).scores for member in members], axis=1)

    def weights(self, members: Sequence[str]) -> np.ndarray:
        """The weight of each model, float32 (models,): those that suit the training rows best, none below 0."""
        key = tuple(members)
        if key not in self._weights:
            rows = self._rows
            self._weights[key] = best_weights(self._bounded(self.scores(members)[rows]), self._truth[rows])
        return self._weights[key]

    def combined(self, members: Sequence[str]) -> np.ndarray:
        """The weighted scores of all rows, float32 (N, K)."""
        return np.asarray(np.einsum("nmk,m->nk", self._bounded(self.scores(members)), self.weights(members)))

    def layers(self, inputs: Mapping[str, keras.KerasTensor], members: Sequence[str]) -> keras.KerasTensor:
        """The scores as layers of a network: of the core's inputs to (N, models, K)."""
        count = self._kind.count
        parts = []
        if TREES in members:
            trees = Trees.of(self._of(TREES).models, inputs, TREES)
            parts.append(keras.layers.Reshape((-1, count), dtype="float32", name="trees_by_kind")(trees))
        if LINEAR in members:
            weights = self._of(LINEAR).models
            layer = stacking.Linear(len(weights.features), self._sizes, count, dtype="float32", name=LINEAR)
            linear = layer(stacking.core_tensors(inputs))
            layer.set_weights(weights.arrays)
            parts.append(keras.layers.Reshape((1, count), dtype="float32", name="linear_alone")(linear))
        return keras.layers.Concatenate(axis=1, name="base_models")(parts) if len(parts) > 1 else parts[0]

    def models(self, members: Sequence[str]) -> int:
        """How many models these members have."""
        return sum({TREES: len(boosting.KINDS), LINEAR: 1}[member] for member in members)

    @property
    def count(self) -> int:
        """How many scores a row has."""
        return self._kind.count

    @property
    def limit(self) -> float:
        """How far scores of classes may be apart; 0 for numbers, which have no limit."""
        return 0.0 if self._kind.objective == "regression" else stacking.LIMIT

    def thinning(self, members: Sequence[str]) -> Thinning | None:
        """How a network that corrects these members sees a class that is far more common than the other one."""
        return thinning.hard_rows(self._truth, self._rows, self.combined(members)[:, 0]) if self._thinned else None

    @cached_property
    def rows_of_epoch(self) -> int:
        """How many rows an epoch of a network that corrects them sees."""
        return thinning.rows_of_epoch(self._truth, self._rows) if self._thinned else len(self._rows)

    def _bounded(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(stacking.bounded(scores, self.limit, np))

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.sort(np.concatenate([part for _, part in self._folds]))

    def _of(self, member: str) -> _Fitted:
        return self._trees if member == TREES else self._linear

    @cached_property
    def _trees(self) -> _Fitted:
        data = boosting.TreeData(
            self._with_missing(), self._truth, len(self._sizes), self._marks, self._kind.objective, self._kind.count,
            self._weights_of_rows,
        )  # fmt: skip
        others = np.setdiff1d(np.arange(len(self._truth)), self._rows)
        boosters, by_kind = [], []
        for kind in boosting.KINDS:
            scores, rounds = boosting.out_of_fold(data, kind, self._thinned_folds)
            booster = boosting.train(data, kind, self._thin(self._rows), rounds)
            scores[others] = boosting.predict(booster, data.x[others])
            boosters.append(booster)
            by_kind.append(scores)
        return _Fitted(np.stack(by_kind, axis=1), boosting.forest(boosters, data, self._sizes))

    @cached_property
    def _linear(self) -> _Fitted:
        weights = self._weights_of_rows

        def fit(rows: np.ndarray) -> LinearWeights:
            return linear_model.fit(
                self._features[rows], self._categories[rows], self._sizes, self._truth[rows], self._kind.count,
                None if weights is None else weights[rows],
            )  # fmt: skip

        everything = fit(self._thin(self._rows))
        scores = everything.scores(self._features, self._categories)
        for rest, part in self._thinned_folds:
            scores[part] = fit(rest).scores(self._features[part], self._categories[part])
        return _Fitted(scores[:, None], everything)

    @cached_property
    def _thinned_folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(self._thin(rest), part) for rest, part in self._folds]

    @cached_property
    def _weights_of_rows(self) -> np.ndarray | None:
        return thinning.rare_rows(self._truth, self._rows).weights(len(self._truth)) if self._thinned else None

    def _thin(self, rows: np.ndarray) -> np.ndarray:
        """The rows to fit models of: all, or fewer of a class that is far more common than the other one."""
        return thinning.rare_rows(self._truth, rows).draw(np.random.default_rng(0)) if self._thinned else rows

    def _with_missing(self) -> np.ndarray:
        """Features with NaN where they are missing, then category ids: float32 (N, F + C)."""
        x = boosting.on_grid(self._features)
        for feature, mark in self._marks.items():
            x[x[:, mark] == 1, feature] = np.nan
        return np.concatenate([x, self._categories.astype(np.float32)], axis=1)


class ScoresInput:
    """The place of base models in a network that learns: their scores are an input, so that they can be out of fold."""

    def __init__(self, models: BaseModels) -> None:
        self._models = models

    @property
    def limit(self) -> float:
        return self._models.limit

    def layers(self, inputs: dict[str, Any], members: Sequence[str]) -> keras.KerasTensor:
        """The input, which is added to the others."""
        shape = (self._models.models(members), self._models.count)
        inputs[stacking.INPUT] = keras.Input(shape, name=stacking.INPUT)
        return inputs[stacking.INPUT]


def best_weights(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights (models,) from 0 on with which scores (N, models, K) suit the truth (N,) best: least loss."""
    from scipy import optimize

    if truth.dtype.kind == "f":
        return np.asarray(optimize.nnls(scores[:, :, 0], truth)[0], np.float32)
    if scores.shape[2] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=2)
    given = scores[np.arange(len(truth)), :, truth]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        combined = np.einsum("nmk,m->nk", scores, weights)
        highest = combined.max(axis=1, keepdims=True)
        chances = np.exp(combined - highest)
        total = chances.sum(axis=1, keepdims=True)
        value = np.log(total[:, 0]) + highest[:, 0] - given @ weights
        slope = np.einsum("nmk,nk->nm", scores, chances / total) - given
        return float(value.mean()), slope.mean(axis=0).astype(np.float64)

    models = scores.shape[1]
    found = optimize.minimize(loss, np.full(models, 1 / models), jac=True, bounds=[(0, None)] * models)
    return np.asarray(found.x, np.float32)
