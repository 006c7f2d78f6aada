"""Data as scikit-learn has it, checked and made into what `suite.fit` takes; errors are of both kinds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from suite.api import convert
from suite.data.column import MAX_DISTINCT
from suite.errors import SuiteError, shortened
from suite.preprocessing.mirror import label_names


class InvalidData(SuiteError, ValueError):
    """What an estimator cannot work with: a SuiteError that is a ValueError too."""


class InvalidType(SuiteError, TypeError):
    """Data of a type that an estimator cannot read: a SuiteError that is a TypeError too."""


@contextmanager
def errors_of_both_kinds() -> Iterator[None]:
    """Make errors of the suite ValueErrors too."""
    try:
        yield
    except (InvalidData, InvalidType):
        raise
    except SuiteError as error:
        raise InvalidData(str(error)) from error.__cause__


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Make errors of scikit-learn's checks SuiteErrors too, of one line."""
    try:
        yield
    except SuiteError:
        raise
    except ValueError as error:
        raise InvalidData(" ".join(str(error).split())) from None
    except TypeError as error:
        raise InvalidType(" ".join(str(error).split())) from None


@_in_one_line()
def table(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X (N, F) as the suite reads it: a frame as it is, all else as an array, with the names of columns if known.

    `reset` is set where the estimator learns how many columns there are and how they are called.
    """
    # A sparse array may be a mapping, too.
    if convert.is_frame(X) and not isinstance(X, Mapping):
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return X
    array = validate_data(estimator, X, dtype=None, ensure_all_finite=False, reset=reset)
    names = None if reset else getattr(estimator, "feature_names_in_", None)
    return array if names is None else convert.table(array)[0].rename_columns(list(names))


@_in_one_line()
def numbers(X: Any, y: Any) -> np.ndarray:
    """The number of each row of X, float64 (N,)."""
    found = np.asarray(_truth(X, y), np.float64)
    assert_all_finite(found, input_name="y")
    return found


@_in_one_line()
def classes(X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """The classes in order, and the number of each row's class (N,)."""
    found = _truth(X, y)
    check_classification_targets(found)
    present, number_of = np.unique(found, return_inverse=True)
    if len(present) < 2:
        raise InvalidData(f"a classifier needs two classes or more, and y has one class, '{present[0]}': add rows")
    if len(present) > MAX_DISTINCT:
        raise InvalidData(
            f"y has {len(present):,} classes, and at most {MAX_DISTINCT:,} can be told apart: join rare ones"
        )
    return present, number_of


def _truth(X: Any, y: Any) -> np.ndarray:
    if y is None:
        raise InvalidData("the estimator requires y to be passed, but the target y is None")
    found = np.asarray(column_or_1d(y, warn=True))
    check_consistent_length(X, found)
    assert_all_finite(found, input_name="y")
    if found.dtype == object and any(value is None for value in found):
        raise InvalidData("Input y contains None: leave rows without a label out")
    return found


def labels(present: np.ndarray) -> list[str]:
    """What the suite calls these classes; InvalidData where it could not tell them apart."""
    texts = [str(value) for value in present.tolist()]
    by_text = label_names.names(texts)
    found = [by_text[text] for text in texts]
    for text, name in zip(texts, found, strict=True):
        if not name:
            raise InvalidData(f"the class '{shortened(text)}' reads as no label at all: give it another name")
        if found.count(name) > 1:
            raise InvalidData(f"two classes read as '{shortened(name)}': give one of them another name")
    return found
