"""An engine without a model, and an event loop and an executor whose progress the test controls."""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from contextvars import Context
from typing import Any

import numpy as np

from suite.errors import SuiteError


class Engine:
    """Doubles its inputs, after a pause for each batch or row; refuses batches with a negative number."""

    name, light, signature, concurrency = "double", False, None, 1

    def __init__(
        self, seconds: float = 0.0, seconds_a_row: float = 0.0, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.seconds, self.seconds_a_row, self.wait = seconds, seconds_a_row, wait
        self.ran, self.batches, self.part_rows = list[int](), tuple[int, ...](), 0

    def run(self, raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.ran.append(len(raw["x"]))
        self.wait(self.seconds + self.seconds_a_row * len(raw["x"]))
        if (raw["x"] < 0).any():
            raise SuiteError("negative")
        return {"y": raw["x"] * 2}

    def close(self) -> None: ...


class VirtualLoop(asyncio.AbstractEventLoop):
    """An event loop that runs callbacks and advances its clock only when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.Task(coroutine, loop=self)

    def call_soon(self, callback: Any, *arguments: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, arguments, self, context)
        self.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Any, *arguments: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(self.now + delay, callback, arguments, self, context)
        self._count += 1
        heapq.heappush(self._timers, (self.now + delay, self._count, handle))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if "destroyed" not in context["message"]:  # a test may ignore some results
            raise context.get("exception") or AssertionError(context["message"])

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None: ...

    def step(self) -> bool:
        """Run one callback; return whether there was one."""
        while self._timers and self._timers[0][0] <= self.now:
            self.ready.append(heapq.heappop(self._timers)[2])
        if not self.ready:
            return False
        handle = self.ready.popleft()
        if not handle.cancelled():
            handle._run()
        return True

    def settle(self) -> None:
        """Run all callbacks that are due."""
        while self.step():
            pass

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds

    def advance_to_timer(self) -> bool:
        """Advance the clock to the next timer; return whether there is one."""
        timers = [at for at, _, handle in self._timers if not handle.cancelled()]
        if timers:
            self.now = max(self.now, min(timers))
        return bool(timers)


class VirtualExecutor(Executor):
    """An executor that keeps work until the test lets a thread complete it or fail."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Callable[[], Any], Future[Any]]] = []

    def submit(self, function: Callable[[], Any], /) -> Future[Any]:  # type: ignore[override]
        future: Future[Any] = Future()
        self.submitted.append((function, future))
        return future

    def complete(self, index: int, error: BaseException | None = None) -> None:
        function, future = self.submitted.pop(index % len(self.submitted))
        if error is not None:
            future.set_exception(error)
            return
        future.set_result(function())
