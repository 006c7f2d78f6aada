"""The context of a request: what is known about it besides its content."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from serving.deadline import Deadline

MayAsk = Callable[[str], bool]


def allow_all(model: str) -> bool:
    """Allow every model, for services without keys."""
    return True


def allow_none(model: str) -> bool:
    """Allow no model."""
    return False


@dataclass(slots=True)
class RequestContext:
    """Data about a request on its way through the service.

    Handlers fill in its `model` and `version`, and the `route` that answers it (for example `/v1/models/{name}`).
    `may_ask` returns whether its key allows a model. `on_run`, if set, is called after each run of a model for it, with
    the rows of the batch, the start (`time.monotonic`) and the duration in seconds. A Flask view sets `awaited` to what
    it needs first: the request is then given to it again once that is done.
    """

    request_id: str
    deadline: Deadline
    may_ask: MayAsk = allow_all
    route: str = ""
    model: str = ""
    version: int = 0
    on_run: Callable[[int, float, float], None] | None = None
    awaited: "Future[Any] | None" = None
