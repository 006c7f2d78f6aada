"""A linear model of a table's features and categories, as weights for a network."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Chosen by out-of-fold predictions among training rows of eight tables; features are scaled to a deviation of about 1.
LOGISTIC_STRENGTH, RIDGE = 0.3, 3.0
MAX_STEPS, TOLERANCE = 100, 1e-3
# How far the score of a class without rows lies below those of all others.
ABSENT = 10.0


@dataclass(frozen=True)
class LinearWeights:
    """Weights (F, K) of features, (size, K) of each column's categories, and a constant (K,)."""

    features: np.ndarray
    categories: Sequence[np.ndarray]
    constant: np.ndarray

    @property
    def arrays(self) -> list[np.ndarray]:
        """Weights of features, of the categories of all columns, and the constant."""
        none = np.empty((0, len(self.constant)), np.float32)
        return [self.features, np.concatenate([none, *self.categories]), self.constant]

    def scores(self, features: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """float32 (N, K) for features (N, F) and category ids (N, C)."""
        scores = features @ self.features + self.constant
        for column, weights in enumerate(self.categories):
            scores += weights[categories[:, column]]
        return np.asarray(scores, np.float32)


def fit(
    features: np.ndarray,
    categories: np.ndarray,
    sizes: Sequence[int],
    y: np.ndarray,
    scores: int,
    weights: np.ndarray | None = None,
) -> LinearWeights:
    """Logistic regression of classes int (N,), or ridge regression of numbers float (N,).

    `sizes` are those of the categorical columns. With one score for two classes it is the second one's; of classes that
    no row has the constant is far below the others'. `weights` (N,) is how often each row counts.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    x = _joined(features, categories, sizes)
    if y.dtype.kind == "f":
        model: Any = Ridge(RIDGE).fit(x, y, weights)
        kernel, constant = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    elif len(present := np.unique(y)) == 1:
        return _constant(features.shape[1], sizes, int(present[0]), scores)
    else:
        model = LogisticRegression(C=LOGISTIC_STRENGTH, solver="newton-cg", max_iter=MAX_STEPS, tol=TOLERANCE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x, y, weights)
        kernel, constant = _of_all_classes(model, scores)
    widths = np.cumsum([features.shape[1], *sizes])
    by_column = np.split(np.asarray(kernel.T, np.float32), widths[:-1])
    return LinearWeights(by_column[0], by_column[1:], np.asarray(constant, np.float32))


def _constant(width: int, sizes: Sequence[int], present: int, scores: int) -> LinearWeights:
    """The weights of rows that are all of one class."""
    # A single score is the second class's.
    classes = np.arange(scores) if scores > 1 else np.ones(1, int)
    of_class = np.where(classes == present, ABSENT, -ABSENT).astype(np.float32)
    zeros = [np.zeros((size, scores), np.float32) for size in (width, *sizes)]
    return LinearWeights(zeros[0], zeros[1:], of_class)


def _joined(features: np.ndarray, categories: np.ndarray, sizes: Sequence[int]) -> Any:
    """Features, then 1 for the category of each column: sparse if there are categories."""
    if not sizes:
        return features

    from scipy import sparse

    rows = np.repeat(np.arange(len(categories)), len(sizes))
    columns = (categories + np.cumsum([0, *sizes[:-1]])).ravel()
    ones = np.ones(len(columns), np.float32)
    one_hot = sparse.csr_array((ones, (rows, columns)), shape=(len(categories), sum(sizes)))
    return sparse.hstack([sparse.csr_array(features), one_hot], format="csr") if features.shape[1] else one_hot


def _of_all_classes(model: Any, scores: int) -> tuple[np.ndarray, np.ndarray]:
    """The weights (K, width) and constants (K,) of a logistic regression, those of classes without rows too."""
    known, constants = model.coef_, model.intercept_
    if len(constants) == scores:
        return known, constants
    if len(constants) == 1:
        known, constants = np.concatenate([-known, known]) / 2, np.concatenate([-constants, constants]) / 2
    kernel = np.zeros((scores, known.shape[1]))
    constant = np.full(scores, constants.min() - ABSENT)
    kernel[model.classes_], constant[model.classes_] = known, constants
    return kernel, constant
