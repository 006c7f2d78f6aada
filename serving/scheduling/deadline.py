"""How long the sender of a request waits for an answer."""

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from serving import context as arrival
from serving.errors import ServiceError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HEADER = "HTTP_X_REQUEST_TIMEOUT_MS"
# Where in a request's environment its `Deadline.ran` is.
RAN = "suite.ran"
# Who waited no longer than this many seconds is hardly gone yet.
SOON = 0.01
LATE = "the answer would have come too late (X-Request-Timeout-Ms): nothing was computed"
GONE = "the client is gone: nothing was computed"


@dataclass(frozen=True)
class Deadline:
    """Waits since a moment, until another (both of `monotonic`; None: unknown, for ever), and until `gone`.

    `ran` is told of each run of a model for it: rows of the batch, when it began (of `monotonic`) and seconds it took.
    """

    since: float | None = None
    deadline: float | None = None
    gone: Callable[[], bool] | None = None
    ran: Callable[[int, float, float], None] | None = None

    def check(self, needed: float = 0.0) -> None:
        """ServiceError 504 or 499 where nobody waits any longer, or will not by the time that is needed in seconds."""
        if self.deadline is not None and monotonic() + needed > self.deadline:
            raise ServiceError(504, LATE)
        if self.gone is not None and (self.since is None or monotonic() - self.since > SOON) and self.gone():
            raise ServiceError(499, GONE)


NO_DEADLINE = Deadline()


def of_request(environ: "WSGIEnvironment") -> Deadline:
    """That of who sent a request; ServiceError 400 for a header that makes no sense."""
    since, deadline, text = arrival.of(environ).since, None, environ.get(HEADER)
    if text is not None:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise ServiceError(400, f"X-Request-Timeout-Ms is '{text[:20]}': give whole milliseconds")
        deadline = since + int(text) / 1000
    connection = environ.get(arrival.SOCKET)
    if connection is None:
        return Deadline(since, deadline, ran=environ.get(RAN))
    return Deadline(since, deadline, lambda: _is_gone(connection), environ.get(RAN))


def _is_gone(connection: socket.socket) -> bool:
    """Whether the other side has closed; what it may have sent already stays to be read."""
    looking = select.poll()
    try:
        looking.register(connection, select.POLLRDHUP)
        return bool(looking.poll(0))
    except (OSError, ValueError):
        return True
