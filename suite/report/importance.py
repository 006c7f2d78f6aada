"""How much each hyperparameter has to do with the score: permutation importance on a random forest (Breiman 2001)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.report.trials import Dimension, Search, are_numbers, written

FEWEST = 8
TREES, REPEATS = 200, 10


@dataclass(frozen=True)
class Importance:
    """`falls` is by how much R2 falls where a hyperparameter's values are shuffled among trials, the largest first.

    All is counted on the trials that a tree has not seen; `r2` is what the forest explains of them as they are.
    """

    r2: float
    falls: dict[str, float]


def measure(search: Search) -> Importance | None:
    """None where the trials are too few or too alike to tell anything."""
    # One score far off would be all there is to explain.
    scores = np.clip(search.scores, *search.limits)
    if len(scores) < FEWEST or not search.varied or scores.min() == scores.max():
        return None
    columns = [encode(one, [trial.values.get(one.name) for trial in search.ranked]) for one in search.varied]
    forest = _Forest(np.concatenate(columns, axis=1), scores)
    ends = np.cumsum([part.shape[1] for part in columns])
    falls = {
        one.name: max(0.0, forest.r2 - forest.shuffled(slice(end - part.shape[1], end)))
        for one, part, end in zip(search.varied, columns, ends, strict=True)
    }
    return Importance(forest.r2, dict(sorted(falls.items(), key=lambda item: -item[1])))


def encode(dimension: Dimension, values: Sequence[Any]) -> np.ndarray:
    """A hyperparameter of N trials, None where it does not exist, as float32 (N, columns).

    Numbers are one column, their logarithms where they vary in proportion, and what does not exist is below all of
    them; anything else is a column a value, and one more for what does not exist.
    """
    there = [value for value in values if value is not None]
    if not are_numbers(there):
        names = ["" if value is None else written(value) for value in values]
        return np.stack([np.array(names) == name for name in sorted(set(names))], axis=1).astype(np.float32)
    numbers = np.array(there, np.float64)
    if dimension.logarithmic and numbers.min() > 0:
        numbers = np.log(numbers)
    column = np.full(len(values), 2 * numbers.min() - numbers.max() - 1)
    column[[value is not None for value in values]] = numbers
    return column[:, None].astype(np.float32)


class _Forest:
    """A random forest and what it says of trials that its trees have not seen."""

    def __init__(self, encoded: np.ndarray, scores: np.ndarray) -> None:
        from sklearn.ensemble import RandomForestRegressor

        self._encoded, self._scores = encoded, scores
        self._fitted = RandomForestRegressor(TREES, random_state=0).fit(encoded, scores)
        rows = np.arange(len(scores))
        self._unseen = [~np.isin(rows, drawn) for drawn in self._fitted.estimators_samples_]
        self.r2 = self._explained(encoded[None])

    def shuffled(self, columns: slice) -> float:
        """R2 where these columns are shuffled together, in the mean of some shuffles."""
        generator = np.random.default_rng(0)
        copies = np.repeat(self._encoded[None], REPEATS, axis=0)
        for copy in copies:
            copy[:, columns] = generator.permutation(copy[:, columns])
        return self._explained(copies)

    def _explained(self, copies: np.ndarray) -> float:
        """R2 for unseen trials in the mean of copies (R, N, columns)."""
        repeats, rows, width = copies.shape
        sums, counts = np.zeros((repeats, rows)), np.zeros(rows)
        for tree, unseen in zip(self._fitted.estimators_, self._unseen, strict=True):
            if unseen.any():
                some = copies[:, unseen].reshape(-1, width)
                sums[:, unseen] += tree.tree_.predict(some).reshape(repeats, -1)
                counts += unseen
        known = counts > 0
        errors = (sums[:, known] / counts[known] - self._scores[known]) ** 2
        return float(1 - errors.mean() / self._scores[known].var())
