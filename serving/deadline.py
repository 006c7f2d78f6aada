"""Deadlines of requests."""

from math import inf
from time import monotonic

from serving.errors import ServiceError

# Seconds after a request in which a client that closes its side may still be reading: some shut down writing at once.
HALF_CLOSE_GRACE = 0.01
LATE = "the answer would have come too late (X-Request-Timeout-Ms): nothing was computed"
GONE = "the client is gone: nothing was computed"


class Deadline:
    """The time after which an answer is useless. It is brought forward if the client disconnects.

    All times are seconds of `time.monotonic`.
    """

    __slots__ = ("expires_at", "left_at", "received_at")

    def __init__(self, received_at: float | None = None, seconds: float = inf) -> None:
        self.received_at = monotonic() if received_at is None else received_at
        self.expires_at = self.received_at + seconds
        self.left_at = inf

    def client_left(self, now: float | None = None) -> None:
        """Note that the client has closed the connection."""
        self.left_at = max(monotonic() if now is None else now, self.received_at + HALF_CLOSE_GRACE)

    def check(self, needed: float = 0.0, now: float | None = None) -> None:
        """Raise ServiceError 504 if the answer will be late in `needed` seconds, 499 if the client has left."""
        if now is None:
            now = monotonic()
        if now + needed > self.expires_at:
            raise ServiceError(504, LATE)
        if now >= self.left_at:
            raise ServiceError(499, GONE)


# For work without a client that waits for it.
NO_DEADLINE = Deadline()
