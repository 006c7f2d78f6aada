"""Decides what a worker computes next, and on which thread.

One event loop owns the queues. The loop runs quick batches itself and submits all other work to an executor, but never
more than the executor has free threads for: requests that still wait in a queue can be joined, refused or dropped.
Work on the executor never waits for other work. Queues take turns: each submits one piece of work at a time.
"""

from asyncio import AbstractEventLoop, Future, TimerHandle
from collections.abc import Callable
from concurrent.futures import Executor
from concurrent.futures import Future as ExecutorFuture
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any, Protocol, TypeVar

from serving.deadline import LATE, Deadline
from serving.engines.base import Arrays
from serving.errors import ServiceError
from serving.scheduling.batcher import Batcher
from serving.scheduling.calls import InferenceCall
from serving.scheduling.operations import Operation, OperationQueue

# Seconds for which the loop may run quick batches before it serves its connections again.
INLINE_BUDGET = 0.02


class Work(Protocol):
    """A piece of work: called on any thread, then finished in the event loop."""

    def __call__(self) -> None: ...

    def finish(self, error: BaseException | None = None) -> None: ...


class QueueItem(Protocol):
    """An item of a queue, with the future for its result."""

    deadline: Deadline
    result: Future[Any]


Item = TypeVar("Item", bound=QueueItem, contravariant=True)


class WorkQueue(Protocol[Item]):
    """A queue of work. `running` is how many pieces of it threads are computing, `concurrency` how many they may."""

    running: int

    @property
    def concurrency(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    def add(self, item: Item, /) -> None: ...

    def discard(self, item: Item, /) -> bool: ...

    def due_at(self) -> float: ...

    def is_inline(self) -> bool: ...

    def work(self, inline: bool = False) -> Work | None: ...


class Scheduler:
    """Runs the work of all queues on `executor`, which has `threads` threads. Only the event loop may use it."""

    def __init__(
        self, loop: AbstractEventLoop, executor: Executor, threads: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._loop, self._executor, self._clock = loop, executor, clock
        self._free_threads = threads
        # Queues with waiting work, in the order of their turns.
        self._queues: list[WorkQueue[Any]] = []
        self._is_scheduled = False
        self._timer: TimerHandle | None = None
        self._started: dict[Work, float] = {}

    async def infer(self, batcher: Batcher, call: InferenceCall) -> Arrays:
        """Run a model and return its outputs; raise ServiceError 422, 499, 503 or 504."""
        outputs: Arrays = await self._result(batcher, call)
        return outputs

    async def compute(self, queue: OperationQueue, deadline: Deadline, function: Callable[[], Any]) -> Any:
        """Call a function on a thread; return or raise what it does, or raise ServiceError 499, 503 or 504."""
        return await self._result(queue, Operation(function, deadline))

    def longest_running(self) -> float:
        """Return how many seconds the oldest work on a thread has been running."""
        return self._clock() - min(self._started.values()) if self._started else 0.0

    async def _result(self, queue: WorkQueue[Item], item: Item) -> Any:
        """Queue an item and wait for its result, or until its deadline if it has not started by then."""
        item.result = self._loop.create_future()
        queue.add(item)
        self._await_turn(queue)
        timer = None
        if item.deadline.expires_at < inf:
            timer = self._loop.call_later(item.deadline.expires_at - self._clock(), _expire, queue, item)
        try:
            return await item.result
        finally:
            if timer:
                timer.cancel()
            if item.result.cancelled():
                queue.discard(item)

    def _await_turn(self, queue: WorkQueue[Any]) -> None:
        """Let a queue with waiting work have its turn after the others."""
        if queue not in self._queues:
            self._queues.append(queue)
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Give each queue one turn, then return to the event loop so that it serves its connections."""
        self._is_scheduled = False
        now = self._clock()
        inline_until, due_at = now + INLINE_BUDGET, inf
        served, passed = list[WorkQueue[Any]](), list[WorkQueue[Any]]()
        for queue in self._queues:
            due = queue.due_at()
            if due > now:
                due_at = min(due_at, due)
                has_turn = False
            elif queue.is_inline():
                has_turn = now < inline_until
                if has_turn:
                    _run_inline(queue)
                    now = self._clock()
                else:
                    self._schedule()
            else:
                has_turn = self._start(queue)
            if queue.waiting:
                (served if has_turn else passed).append(queue)
        # Queues that had no turn come first next time.
        self._queues = passed + served
        if served:
            self._schedule()
        self._wake_at(due_at)

    def _wake_at(self, due_at: float) -> None:
        """Schedule another turn for when the first of the batches that wait to become full is due."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if due_at < inf:
            self._timer = self._loop.call_later(max(0.0, due_at - self._clock()), self._schedule)

    def _start(self, queue: WorkQueue[Any]) -> bool:
        """Submit the queue's next work, if a thread is free; return whether the queue has had its turn.

        A queue whose waiting work is no longer wanted has had its turn too.
        """
        if not self._free_threads or queue.running >= queue.concurrency:
            return False
        work = queue.work()
        if work is None:
            return True
        self._free_threads -= 1
        queue.running += 1
        self._started[work] = self._clock()
        done = self._executor.submit(work)
        done.add_done_callback(lambda done: self._hand_back(queue, work, done))
        return True

    def _hand_back(self, queue: WorkQueue[Any], work: Work, done: "ExecutorFuture[None]") -> None:
        """Return to the event loop; called on the thread that computed."""
        with suppress(RuntimeError):  # the loop is closed because the process is about to end
            self._loop.call_soon_threadsafe(self._finish, queue, work, done)

    def _finish(self, queue: WorkQueue[Any], work: Work, done: "ExecutorFuture[None]") -> None:
        self._free_threads += 1
        queue.running -= 1
        del self._started[work]
        work.finish(done.exception())
        if queue.waiting:
            # Perhaps only now: a large call, of which a part was computed, waits for its next turn.
            self._await_turn(queue)
        elif self._queues:
            self._schedule()


def _run_inline(queue: WorkQueue[Any]) -> None:
    work = queue.work(inline=True)
    if work:
        work()
        work.finish()


def _expire(queue: WorkQueue[Any], item: QueueItem) -> None:
    """Fail an item with 504 if it still waits at its deadline."""
    if queue.discard(item) and not item.result.done():
        item.result.set_exception(ServiceError(504, LATE))
