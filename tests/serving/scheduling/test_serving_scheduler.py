"""In any order of arrivals, completions, failures and cancellations, each call gets one result, within limits."""

import asyncio
import os
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from serving_doubles import Engine, VirtualExecutor, VirtualLoop

from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.scheduling.batcher import MAX_INLINE_BACKLOG, Batcher, BatchLimits
from serving.scheduling.calls import BatchWork, InferenceCall, PartWork
from serving.scheduling.operations import OperationQueue
from serving.scheduling.scheduler import Scheduler

SCHEDULES = int(os.environ.get("SUITE_TEST_SCHEDULES", "2000"))
MODELS, THREADS, LONGEST = 3, 2, 1e6
# Seconds of a run and of a row; the first model is so quick that the event loop runs it.
TIMES = [(0.0005, 0.00001), (0.02, 0.001), (0.3, 0.1)]
# Rows of the parts of large calls, by model; none for the second, whose calls run as a whole.
PARTS = [2, 0, 3]


@dataclass
class Request:
    """A call, and the results that are allowed for it."""

    values: list[float]
    deadline: Deadline
    task: "asyncio.Task[Any]"
    is_operation: bool = False
    was_cancelled: bool = False


def calls_of(work: Any) -> list[InferenceCall]:
    """Return the calls that a piece of work runs."""
    if isinstance(work, PartWork):
        return [work._call]
    return work._calls if isinstance(work, BatchWork) else []


@dataclass
class World:
    """A scheduler with a loop and an executor that the test advances."""

    limits: BatchLimits
    loop: VirtualLoop = field(default_factory=VirtualLoop)
    executor: VirtualExecutor = field(default_factory=VirtualExecutor)
    requests: list[Request] = field(default_factory=list)
    # By queue: the first items of other queues that could have started when this one last started.
    passed_over: dict[int, dict[int, tuple[Any, int]]] = field(default_factory=dict)
    # Numbers of the requests that a model ran as a whole, in that order, by queue, batch key, rows, and whether it may
    # run inline.
    series: dict[tuple[int, int, int, bool], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.loop, self.executor, THREADS, self.loop.time)
        self.operations = OperationQueue(self.limits.max_waiting, THREADS, self.loop.time)
        self._watch(self.operations)
        self.batchers = [self.batcher(number) for number in range(MODELS)]
        self.all: list[Any] = [self.operations, *self.batchers]

    def batcher(self, number: int) -> Batcher:
        seconds, a_row = TIMES[number]
        engine = Engine(seconds, a_row, self.loop.advance)
        engine.part_rows = PARTS[number]
        made = Batcher(f"model-{number}", engine, self.limits, clock=self.loop.time)  # type: ignore[arg-type]
        made.expect(seconds + a_row)
        self._watch(made)
        return made

    def _watch(self, queue: Any) -> None:
        take = queue.work

        def work(inline: bool = False) -> Any:
            self.check_fair(queue)
            taken = take(inline)
            assert not inline or all(call.may_inline for call in calls_of(taken))
            return taken

        queue.work = work

    def startable(self, besides: Any) -> dict[int, tuple[Any, int]]:
        """Return the first item of each queue that could start work at this moment, and how many rows it has left."""
        free = self.scheduler._free_threads
        return {
            id(queue): (queue._waiting[0], getattr(queue._waiting[0], "left", 0))
            for queue in self.all
            if queue is not besides
            and queue.waiting
            and queue.due_at() <= self.loop.now
            and (queue.is_inline() or (free and queue.running < queue.concurrency))
        }

    def check_fair(self, queue: Any) -> None:
        """Check that no queue starts twice while another, which could have started both times, still waits."""
        now = self.startable(queue)
        before = self.passed_over.get(id(queue), {})
        assert not [other for other, first in before.items() if now.get(other) == first]
        self.passed_over[id(queue)] = now

    def arrive(self, model: int, values: list[float], seconds: float) -> None:
        deadline = Deadline(self.loop.now, seconds)
        batcher = self.batchers[model]
        batch_key = len(values) % 2
        series = self.series.setdefault((id(batcher), batch_key, len(values), values[0] != 3), [])
        number = len(self.requests)
        runs_whole = not PARTS[model] or len(values) <= PARTS[model]
        call = InferenceCall(
            {"x": np.array(values)},
            deadline,
            batch_key,
            may_inline=values[0] != 3,
            on_run=(lambda rows, started_at, _: series.append(number)) if runs_whole else None,
        )
        task = self.loop.start(self.scheduler.infer(batcher, call))
        self.requests.append(Request(values, deadline, task))

    def burst(self, model: int, calls: list[tuple[list[float], float]]) -> None:
        for values, seconds in calls:
            self.arrive(model, values, seconds)
        self.loop.settle()

    def compute(self, values: list[float], seconds: float) -> None:
        deadline = Deadline(self.loop.now, seconds)

        def double() -> list[float]:
            if min(values) < 0:
                raise ServiceError(422, "negative")
            return [2 * value for value in values]

        task = self.loop.start(self.scheduler.compute(self.operations, deadline, double))
        self.requests.append(Request(values, deadline, task, is_operation=True))

    def cancel(self, index: int) -> None:
        if self.requests:
            request = self.requests[index % len(self.requests)]
            request.was_cancelled |= request.task.cancel()

    def leave(self, index: int) -> None:
        if self.requests:
            self.requests[index % len(self.requests)].deadline.client_left(self.loop.now)

    def complete(self, index: int, error: BaseException | None = None) -> None:
        if self.executor.submitted:
            self.executor.complete(index, error)

    def reload(self, model: int) -> None:
        """Replace a model with a new version; the old one still answers requests that wait for it."""
        self.batchers[model] = self.batcher(model)
        self.all.append(self.batchers[model])

    def check_bounds(self) -> None:
        assert len(self.executor.submitted) <= THREADS
        assert self.scheduler._free_threads >= 0
        for queue in self.all:
            assert 0 <= queue.running <= queue.concurrency
        for queue in self.all:
            quick = isinstance(queue, Batcher) and queue.name == "model-0"
            soon = MAX_INLINE_BACKLOG / TIMES[0][1] if quick else 0
            assert queue.waiting <= self.limits.max_waiting + queue.concurrency + soon

    def finish(self) -> None:
        """Run until everything has finished."""
        for _ in range(10_000):
            self.loop.settle()
            if self.executor.submitted:
                self.complete(0)
            elif not self.loop.advance_to_timer():
                break
        self.loop.settle()


def check_answer(request: Request) -> None:
    """Check that there is exactly one result, and that it is allowed."""
    assert request.task.done()
    if request.task.cancelled():
        assert request.was_cancelled
        return
    error = request.task.exception()
    doubled = [2 * value for value in request.values]
    if error is None:
        found = request.task.result()
        assert (found if request.is_operation else found["y"].tolist()) == doubled
    elif isinstance(error, ServiceError):
        may = {422: min(request.values) < 0, 499: request.deadline.left_at < inf, 503: True}
        assert may.get(error.status, request.deadline.expires_at < LONGEST), error.status
    else:
        assert isinstance(error, RuntimeError)
        assert "broken" in str(error)


values = st.lists(st.integers(-1, 5).map(float), min_size=1, max_size=8)
seconds = st.sampled_from([inf, inf, 0.0, 0.01, 0.5])
STEPS = st.one_of(
    st.builds(lambda *given: ("arrive", *given), st.integers(0, MODELS - 1), values, seconds),
    st.builds(
        lambda *given: ("burst", *given),
        st.integers(0, MODELS - 1),
        st.lists(st.tuples(values, seconds), min_size=2, max_size=8),
    ),
    st.builds(lambda *given: ("compute", *given), values, seconds),
    st.builds(lambda *given: ("cancel", *given), st.integers(0, 30)),
    st.builds(lambda *given: ("leave", *given), st.integers(0, 30)),
    st.builds(lambda *given: ("complete", *given), st.integers(0, 3)),
    st.builds(lambda *given: ("complete", *given), st.integers(0, 3), st.just(RuntimeError("broken"))),
    st.builds(lambda *given: ("reload", *given), st.integers(0, MODELS - 1)),
    st.builds(lambda *given: ("loop.advance", *given), st.sampled_from([0.001, 0.02, 0.4])),
    st.just(("loop.step",)),
    st.just(("loop.settle",)),
)
LIMITS = st.builds(
    BatchLimits, max_waiting=st.sampled_from([0, 2, 100]), max_rows=st.sampled_from([1, 3, 64]),
    max_inline_rows=st.sampled_from([1, 8]), max_delay=st.sampled_from([0.0, 0.0, 0.01]),
)  # fmt: skip


@settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck))
@example(BatchLimits(2, 1, 1, 0.0), [("burst", 0, [([0.0], 0.0), ([3.0], inf)])])
@given(LIMITS, st.lists(STEPS, min_size=5, max_size=60))
def test_each_request_gets_exactly_one_answer(limits: BatchLimits, steps: list[tuple[Any, ...]]) -> None:
    world = World(limits)
    for name, *given_values in steps:
        target: Any = world
        for part in name.split("."):
            target = getattr(target, part)
        target(*given_values)
        world.check_bounds()
    world.finish()
    for request in world.requests:
        check_answer(request)
    for numbers in world.series.values():
        assert numbers == sorted(numbers)  # earlier calls ran first
    # Nothing is left: all work is done, all threads are free, and there is no timer.
    assert not world.executor.submitted
    assert world.scheduler._free_threads == THREADS
    assert not world.scheduler._queues
    assert world.scheduler.longest_running() == 0
    assert all(queue.waiting == queue.running == 0 for queue in world.all)
    assert all(batcher._waiting_rows == 0 for batcher in world.all[1:])
