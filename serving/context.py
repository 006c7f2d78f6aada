"""What is known of a request when its answer begins: when it came in, behind how many others, for which model."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from serving.errors import ServiceError

# Where in a request's environment it is; and where its connection, as gunicorn has it.
ARRIVAL, SOCKET = "suite.arrival", "gunicorn.socket"


@dataclass(slots=True)
class Arrival:
    """A request came in at `since` (of `monotonic`), behind `ahead` others.

    With a `refusal` its body was not received, and that is to be its answer. It asks a `version` of a `model`, if it
    came to that; `may_ask` is which models its sender may ask.
    """

    since: float = field(default_factory=monotonic)
    ahead: int = 0
    refusal: "ServiceError | None" = None
    model: str = ""
    version: int = 0
    may_ask: Callable[[str], bool] | None = None


class _Here(threading.local):
    noted: Arrival | None = None


_here = _Here()
_stopping, _loaded = threading.Event(), threading.Event()


def note(arrival: Arrival) -> None:
    """That of the request which this thread takes up next."""
    _here.noted = arrival


def begin(environ: "WSGIEnvironment") -> Arrival:
    """That of the request which this thread takes up now."""
    arrival: Arrival = environ.get(ARRIVAL) or _here.noted or Arrival()
    environ[ARRIVAL], _here.noted = arrival, None
    return arrival


def of(environ: "WSGIEnvironment") -> Arrival:
    """That of a request that has begun."""
    found: Arrival = environ[ARRIVAL]
    return found


def note_loaded() -> None:
    """This process has tried all models."""
    _loaded.set()


def is_loaded() -> bool:
    """Whether this process has tried all models."""
    return _loaded.is_set()


def stop() -> None:
    """This process takes up no more connections."""
    _stopping.set()


def is_stopping() -> bool:
    """Whether this process is about to end."""
    return _stopping.is_set()
