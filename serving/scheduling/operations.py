"""The queue of computations other than model runs: parsing large bodies, decoding pictures, encoding responses."""

from asyncio import Future
from collections import deque
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from serving.deadline import Deadline
from serving.errors import ServiceError

BUSY = "{} requests wait for this worker, which is all that may: ask again in a moment"


class Operation:
    """A function to compute on a thread, and the future for its result.

    The function must never wait for another operation, for a lock that one may hold, or for a client.
    """

    __slots__ = ("_error", "_function", "_value", "deadline", "result")

    def __init__(self, function: Callable[[], Any], deadline: Deadline) -> None:
        self._function, self.deadline = function, deadline
        self.result: Future[Any]
        self._value: Any = None
        self._error: BaseException | None = None

    def __call__(self) -> None:
        """Call the function and keep its result or error; on any thread."""
        try:
            self._value = self._function()
        except Exception as error:
            self._error = error

    def finish(self, error: BaseException | None = None) -> None:
        """Set the result, in the event loop, after the call; `error` is an exception that the call raised, if any."""
        error, value = error or self._error, self._value
        self._error = self._value = None
        if self.result.done():
            return
        if error is not None:
            self.result.set_exception(error)
        else:
            self.result.set_result(value)


class OperationQueue:
    """A queue of at most `max_waiting` operations that wait for a thread. Only the event loop may use it."""

    def __init__(self, max_waiting: int, concurrency: int, clock: Callable[[], float] = monotonic) -> None:
        self.concurrency, self.running = concurrency, 0
        self._max_waiting, self._clock = max_waiting, clock
        self._waiting: deque[Operation] = deque()

    @property
    def waiting(self) -> int:
        """The number of waiting operations."""
        return len(self._waiting)

    def add(self, operation: Operation) -> None:
        """Add an operation to the queue; raise ServiceError 503 if the queue is full."""
        most = self._max_waiting + max(0, self.concurrency - self.running)
        if len(self._waiting) >= most:
            self._waiting = deque(filter(self._is_wanted, self._waiting))
            if len(self._waiting) >= most:
                raise ServiceError(503, BUSY.format(len(self._waiting)), retry_after=1)
        self._waiting.append(operation)

    def discard(self, operation: Operation) -> bool:
        """Remove a waiting operation; return False if it is not waiting, for example because it is running."""
        try:
            self._waiting.remove(operation)
        except ValueError:
            return False
        return True

    def due_at(self) -> float:
        """Return when the next operation may start: -inf for at once, inf if the queue is empty."""
        return -inf if self._waiting else inf

    def is_inline(self) -> bool:
        """Return False: the event loop never runs operations itself."""
        return False

    def work(self, inline: bool = False) -> Operation | None:
        """Take the next operation whose result is still wanted; return None if there is none."""
        while self._waiting:
            operation = self._waiting.popleft()
            if self._is_wanted(operation):
                return operation
        return None

    def _is_wanted(self, operation: Operation) -> bool:
        """Return whether the result is still wanted; if not, give the operation its error."""
        if operation.result.done():
            return False
        try:
            operation.deadline.check(now=self._clock())
        except ServiceError as error:
            operation.result.set_exception(error)
            return False
        return True
