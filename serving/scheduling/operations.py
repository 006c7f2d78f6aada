"""The queue of computations that are not runs of a model: reading large bodies, decoding pictures, writing answers."""

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
    """A function that computes, and the future that will have its result.

    It takes what it needs as arguments and gives back what it made. It never waits: not for another operation, for a
    lock that one holds, nor for a client.
    """

    __slots__ = ("_error", "_function", "_value", "deadline", "result")

    def __init__(self, function: Callable[[], Any], deadline: Deadline) -> None:
        self._function, self.deadline = function, deadline
        self.result: Future[Any]
        self._value: Any = None
        self._error: BaseException | None = None

    def __call__(self) -> None:
        """Compute, on any thread."""
        try:
            self._value = self._function()
        except Exception as error:
            self._error = error

    def finish(self, error: BaseException | None = None) -> None:
        """In the event loop, after the call; with the `error` that it raised, if it did."""
        error, value = error or self._error, self._value
        self._error = self._value = None
        if self.result.done():
            return
        if error is not None:
            self.result.set_exception(error)
        else:
            self.result.set_result(value)


class OperationQueue:
    """Operations that wait for a thread, at most `max_waiting`. Only the event loop may use it."""

    def __init__(self, max_waiting: int, concurrency: int, clock: Callable[[], float] = monotonic) -> None:
        self.concurrency, self.running = concurrency, 0
        self._max_waiting, self._clock = max_waiting, clock
        self._waiting: deque[Operation] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, operation: Operation) -> None:
        """Let an operation wait for its turn; ServiceError 503 where too many do."""
        most = self._max_waiting + max(0, self.concurrency - self.running)
        if len(self._waiting) >= most:
            self._waiting = deque(filter(self._is_wanted, self._waiting))
            if len(self._waiting) >= most:
                raise ServiceError(503, BUSY.format(len(self._waiting)), retry_after=1)
        self._waiting.append(operation)

    def discard(self, operation: Operation) -> bool:
        """Forget an operation that waits; whether it did. One that is running is left alone."""
        try:
            self._waiting.remove(operation)
        except ValueError:
            return False
        return True

    def due_at(self) -> float:
        """When the next one may start: at once."""
        return -inf if self._waiting else inf

    def is_inline(self) -> bool:
        """Whether the event loop should run the next one itself: never."""
        return False

    def work(self, inline: bool = False) -> Operation | None:
        """The next operation that somebody waits for."""
        while self._waiting:
            operation = self._waiting.popleft()
            if self._is_wanted(operation):
                return operation
        return None

    def _is_wanted(self, operation: Operation) -> bool:
        """Whether somebody waits for the result; if not, the operation gets its error."""
        if operation.result.done():
            return False
        try:
            operation.deadline.check(now=self._clock())
        except ServiceError as error:
            operation.result.set_exception(error)
            return False
        return True
