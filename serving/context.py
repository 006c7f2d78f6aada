"""What is known of a request besides its content."""

from collections.abc import Callable
from dataclasses import dataclass

from serving.deadline import Deadline

MayAsk = Callable[[str], bool]


def anything(model: str) -> bool:
    """Allow every model: what a request may ask where no keys are needed."""
    return True


def nothing(model: str) -> bool:
    """Allow no model."""
    return False


@dataclass(slots=True)
class RequestContext:
    """A request on its way through the service.

    Handlers fill in which `model` and `version` it asks, and the `route` that answers it (`/v1/models/{name}`).
    `may_ask` says which models its key is for. `on_run`, if set, is told of each run of a model for it: rows of the
    batch, when it started (seconds of `time.monotonic`) and how many seconds it took.
    """

    request_id: str
    deadline: Deadline
    may_ask: MayAsk = anything
    route: str = ""
    model: str = ""
    version: int = 0
    on_run: Callable[[int, float, float], None] | None = None
