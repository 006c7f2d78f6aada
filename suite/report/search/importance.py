"""The importance of hyperparameters: permutation importance on a random forest (Breiman 2001)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.notation import format_value
from suite.report.search.ranking import RankedSearch
from suite.report.search.scales import are_numbers
from suite.search_record import DimensionRecord

MIN_TRIALS = 8
TREES, REPEATS = 200, 10


@dataclass(frozen=True)
class Importance:
    """`drops` holds by how much R² drops when a hyperparameter's values are shuffled, the largest drop first.

    `r2` is the share of variance that the forest explains. Both are out-of-bag: each tree predicts only trials that it
    was not fitted on.
    """

    r2: float
    drops: dict[str, float]


def measure(search: RankedSearch) -> Importance | None:
    """None if there are too few trials, or too similar ones, to measure anything."""
    # A single outlier would dominate the variance to explain.
    scores = np.clip(search.scores, *search.score_limits)
    if len(scores) < MIN_TRIALS or not search.varying or scores.min() == scores.max():
        return None
    columns = [encode(one, [trial.hyperparameters.get(one.name) for trial in search.ranked]) for one in search.varying]
    forest = _Forest(np.concatenate(columns, axis=1), scores)
    ends = np.cumsum([part.shape[1] for part in columns])
    drops = {
        one.name: max(0.0, forest.r2 - forest.r2_when_shuffled(slice(end - part.shape[1], end)))
        for one, part, end in zip(search.varying, columns, ends, strict=True)
    }
    return Importance(forest.r2, dict(sorted(drops.items(), key=lambda item: -item[1])))


def encode(dimension: DimensionRecord, values: Sequence[Any]) -> np.ndarray:
    """A hyperparameter's values in N trials as float32 (N, columns); None stands for a hyperparameter that is absent.

    Numbers take one column, as logarithms if the range is logarithmic; an absent one lies below all others. Other
    values are one-hot, with a column for absent ones.
    """
    present = [value for value in values if value is not None]
    if not are_numbers(present):
        texts = ["" if value is None else format_value(value) for value in values]
        return np.stack([np.array(texts) == text for text in sorted(set(texts))], axis=1).astype(np.float32)
    numbers = np.array(present, np.float64)
    if dimension.logarithmic and numbers.min() > 0:
        numbers = np.log(numbers)
    column = np.full(len(values), 2 * numbers.min() - numbers.max() - 1)
    column[[value is not None for value in values]] = numbers
    return column[:, None].astype(np.float32)


class _Forest:
    """A random forest and its out-of-bag R²."""

    def __init__(self, encoded: np.ndarray, scores: np.ndarray) -> None:
        from sklearn.ensemble import RandomForestRegressor

        self._encoded, self._scores = encoded, scores
        self._fitted = RandomForestRegressor(TREES, random_state=0).fit(encoded, scores)
        rows = np.arange(len(scores))
        self._out_of_bag = [~np.isin(rows, drawn) for drawn in self._fitted.estimators_samples_]
        self.r2 = self._mean_r2(encoded[None])

    def r2_when_shuffled(self, columns: slice) -> float:
        """R² with these columns shuffled together, the mean over several shuffles."""
        generator = np.random.default_rng(0)
        copies = np.repeat(self._encoded[None], REPEATS, axis=0)
        for copy in copies:
            copy[:, columns] = generator.permutation(copy[:, columns])
        return self._mean_r2(copies)

    def _mean_r2(self, copies: np.ndarray) -> float:
        """Out-of-bag R², the mean over copies (R, N, columns) of the trials."""
        repeats, rows, width = copies.shape
        sums, counts = np.zeros((repeats, rows)), np.zeros(rows)
        for tree, out_of_bag in zip(self._fitted.estimators_, self._out_of_bag, strict=True):
            if out_of_bag.any():
                inputs = copies[:, out_of_bag].reshape(-1, width)
                sums[:, out_of_bag] += tree.tree_.predict(inputs).reshape(repeats, -1)
                counts += out_of_bag
        known = counts > 0
        errors = (sums[:, known] / counts[known] - self._scores[known]) ** 2
        return float(1 - errors.mean() / self._scores[known].var())
