"""Every error is JSON: {"error": "what is wrong, what was found, what to do"}."""

from collections.abc import Sequence

from suite import errors

TOO_LARGE = "the body is larger than {:,} bytes or has too many parts: send fewer instances at a time"


class ServiceError(Exception):
    """An answer that is an error: an HTTP status and a message for the person who asked.

    `retry_after` says in how many seconds it may be worth to ask again.
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
    """Drop the tracebacks of an error that has been dealt with, and of those that it came from.

    Their frames hold the request, which holds the error: memory that only the garbage collector would free.
    """
    chained: BaseException | None = error
    while chained is not None:
        chained.__traceback__ = None
        chained = chained.__cause__ or chained.__context__


def nearest(found: str, allowed: Sequence[str]) -> str:
    """A hint towards an allowed name."""
    near = errors.nearest(found, allowed)
    return f"did you mean '{near}'?" if near else f"there are: {errors.listed(allowed) or 'none'}"
