"""Errors of the service. Clients get them as JSON: {"error": "what is wrong, what was found, what to do"}."""

from collections.abc import Sequence

from suite import errors

TOO_LARGE = "the body is larger than {:,} bytes or has too many parts: send fewer instances at a time"


class ServiceError(Exception):
    """An error with an HTTP status and a message for the client.

    `retry_after` is the number of seconds after which a new attempt may succeed.
    """

    def __init__(
        self, status: int, message: str, retry_after: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


def release(error: BaseException) -> None:
    """Drop the tracebacks of a handled error and of its causes.

    Their frames refer to the request, which refers to the error; only the garbage collector would free such a cycle.
    """
    chained: BaseException | None = error
    while chained is not None:
        chained.__traceback__ = None
        chained = chained.__cause__ or chained.__context__


def nearest(found: str, allowed: Sequence[str]) -> str:
    """Return a hint at the allowed name that is most like `found`."""
    near = errors.nearest(found, allowed)
    return f"did you mean '{near}'?" if near else f"there are: {errors.listed(allowed) or 'none'}"
