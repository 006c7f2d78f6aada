"""What is known of the request that a thread has taken up: when it came in, behind how many others, for which model."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.errors import ServiceError


class _Here(threading.local):
    noted: float | None = None
    arrived: float = 0.0
    ahead: int = 0
    refusal: "ServiceError | None" = None
    model: str = ""
    version: int = 0
    may_ask: Callable[[str], bool] | None = None


_here = _Here()
_stopping, _loaded = threading.Event(), threading.Event()


def note(arrived: float, ahead: int, refusal: "ServiceError | None" = None) -> None:
    """The request that this thread takes up came at `arrived` (of `monotonic`), behind `ahead` others.

    With a `refusal` its body was not received, and that is to be its answer.
    """
    _here.noted, _here.ahead, _here.refusal = arrived, ahead, refusal


def begin() -> float:
    """When the request came in, or now where nobody noted it."""
    _here.arrived = monotonic() if _here.noted is None else _here.noted
    _here.noted, _here.model, _here.version, _here.may_ask = None, "", 0, None
    return _here.arrived


def since() -> float:
    """When the request of this thread came in."""
    return _here.arrived


def ahead() -> int:
    """How many requests were before it."""
    return _here.ahead


def check_received() -> None:
    """ServiceError where the body was not received."""
    if _here.refusal:
        raise _here.refusal


def note_scope(may_ask: Callable[[str], bool]) -> None:
    """Which models its sender may ask."""
    _here.may_ask = may_ask


def note_model(name: str, version: int) -> bool:
    """It asks this version of a model; whether it may."""
    _here.model, _here.version = name, version
    return _here.may_ask is None or _here.may_ask(name)


def asked() -> str:
    """The model it asked, if it came to that."""
    return _here.model


def asked_version() -> int:
    """The version of that model."""
    return _here.version


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
