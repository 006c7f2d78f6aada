"""The estimators: parameters, `fit` and `predict`, and how a pickle holds a fitted one."""

import shutil
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from suite.api.model import Model
from suite.api.verbs import fit
from suite.decision import predicted_classes
from suite.domain import get
from suite.errors import UsageError
from suite.sklearn import data, model_files

MODEL, TASK, TABLE = "model_", "task", "table"
REGRESSION, OF_CLASSES = "regression", {"classification", "detection"}
SEEDS = 2**31 - 1
PREDICTION, BOUNDS = "prediction", ["lower", "upper"]


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: parameters and the fitted model."""

    model_: Model

    def __init__(
        self,
        domain: str = TABLE,
        *,
        epochs: int | None = None,
        time: Any = None,
        preset: str | None = None,
        set: Mapping[str, Any] | None = None,
        retrain: bool = True,
        options: Mapping[str, Any] | None = None,
        random_state: Any = 0,
        verbose: bool = False,
        name: str | None = None,
        models: Any = None,
    ) -> None:
        self.domain = domain
        self.epochs = epochs
        self.time = time
        self.preset = preset
        self.set = set
        self.retrain = retrain
        self.options = options
        self.random_state = random_state
        self.verbose = verbose
        self.name = name
        self.models = models

    def _train(self, X: Any, y: Any, task: str) -> None:
        """Train on checked rows X and their truth y (N,), and keep the model."""
        state, domain = self.random_state, get(self.domain)
        seed = state if isinstance(state, int) else int(check_random_state(state).randint(SEEDS))
        keywords = {name: getattr(self, name) for name in ("epochs", "time", "preset", "set", "retrain", "name")}
        keywords |= {"seed": seed, **({TASK: task} if TASK in domain.data_options else {}), **(self.options or {})}
        if self.models is not None:
            self.model_ = fit(self.domain, X, label=y, quiet=not self.verbose, models=self.models, **keywords)
            return
        folder = model_files.temporary_folder()
        try:
            self.model_ = fit(self.domain, X, label=y, quiet=not self.verbose, models=folder, **keywords)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        model_files.delete_with(self.model_, folder)

    def _rows(self, X: Any, *, reset: bool = False) -> Any:
        """X as the suite reads it; only tables have columns to be checked."""
        return data.table(self, X, reset=reset) if get(self.domain).kind == TABLE else X

    def __getstate__(self) -> dict[str, Any]:
        """The attributes, with the model's files in place of the model: a pickle needs nothing else."""
        state: dict[str, Any] = dict(super().__getstate__())
        return state | {MODEL: model_files.pack(state[MODEL])} if MODEL in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state | {MODEL: model_files.unpack(state[MODEL])} if MODEL in state else state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = True
        return tags


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """Rows to one of 2 to 1,000 classes.

    `domain`, `epochs`, `time`, `preset`, `set` and `retrain` are those of `suite.fit`, and `options` holds any other
    keywords of it. `random_state` is the seed; `verbose` prints progress. The model is temporary and lives as long as
    the estimator, whose pickle holds its files; with `models` it is saved there as the next version of `name`.

    A fitted estimator has `classes_`, `model_` (a suite.Model), and for tables `n_features_in_` and
    `feature_names_in_`. Errors are SuiteErrors of one line that are ValueErrors or TypeErrors, too.
    """

    classes_: np.ndarray

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X, a frame or an array (N, F), and their classes y (N,)."""
        with data.errors_of_both_kinds():
            if not OF_CLASSES & set(get(self.domain).tasks):
                raise UsageError(f"{self.domain} does not answer with a class: choose another domain")
            rows = self._rows(X, reset=True)
            classes, numbers = data.classes(X, y)
            labels = data.labels(classes)
            self._train(rows, np.asarray(labels, object)[numbers], "classification")
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities (N, classes), in the order of `classes_`."""
        probabilities = self._probabilities(X)
        known = self.model_.labels
        return probabilities[:, [known.index(label) for label in data.labels(self.classes_)]]

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row (N,): the likeliest, or the rare one from the model's threshold on."""
        numbers = predicted_classes(self._probabilities(X), self.model_.threshold)
        labels = data.labels(self.classes_)
        return np.asarray(self.classes_[[labels.index(label) for label in self.model_.labels]][numbers])

    def _probabilities(self, X: Any) -> np.ndarray:
        """The probabilities (N, classes), in the order of the model's labels."""
        check_is_fitted(self)
        with data.errors_of_both_kinds():
            return self.model_.predict_proba(self._rows(X))


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """Rows to a number; parameters and attributes are those of Classifier, without `classes_`."""

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X, a frame or an array (N, F), and their numbers y (N,)."""
        with data.errors_of_both_kinds():
            if set(get(self.domain).tasks) <= OF_CLASSES:
                raise UsageError(f"{self.domain} does not answer with a number: choose another domain, such as table")
            rows = self._rows(X, reset=True)
            self._train(rows, data.numbers(X, y), REGRESSION)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number predicted for each row, float64 (N,)."""
        return self._answers(X, [PREDICTION])[:, 0]

    def predict_interval(self, X: Any) -> np.ndarray:
        """The lower and the upper bound of each row's number (N, 2), between which 90% are."""
        return self._answers(X, BOUNDS)

    def _answers(self, X: Any, columns: list[str]) -> np.ndarray:
        """Columns of the model's answers, float64 (N, columns)."""
        check_is_fitted(self)
        with data.errors_of_both_kinds():
            answers = self.model_.predict(self._rows(X))
        return np.column_stack([np.asarray(answers[name], np.float64) for name in columns])
