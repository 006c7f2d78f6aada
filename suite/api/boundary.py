"""Where Python code calls the suite: errors in the words of Python, and no warnings of libraries."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from suite.api import installation
from suite.api.keywords import in_python
from suite.errors import SuiteError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
NETWORK_LIBRARIES = ("tensorflow", "keras", "keras_tuner")


def plain_errors(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function with options named as keywords in its errors, and TensorFlow's errors as a SuiteError."""

    @wraps(function)
    def call(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        try:
            return function(*arguments, **keywords)
        except SuiteError as error:
            raise type(error)(in_python(str(error))) from error.__cause__
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and installation.is_for_training(error.name or ""):
                raise installation.without_training(error.name or "") from None
            if type(error).__module__.partition(".")[0] not in NETWORK_LIBRARIES:
                raise
            raise SuiteError(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from None

    return call


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep what libraries warn of from whoever fits a model, as the commands do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
