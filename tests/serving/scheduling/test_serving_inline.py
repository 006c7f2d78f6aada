"""The event loop runs quick batches itself, joined if possible; slow ones do not block it."""

import asyncio
import gc
import http.client
import json
import os
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving_doubles import Engine, VirtualExecutor, VirtualLoop

from serving.config import Config
from serving.deadline import Deadline
from serving.errors import ServiceError, release
from serving.scheduling.batcher import MAX_INLINE_SECONDS, Batcher, BatchLimits
from serving.scheduling.calls import InferenceCall
from serving.scheduling.scheduler import INLINE_BUDGET, Scheduler
from serving.server import launcher as run

pytestmark = pytest.mark.alone


class World:
    """A scheduler whose clock the test controls."""

    def __init__(self) -> None:
        self.loop, self.executor = VirtualLoop(), VirtualExecutor()
        self.scheduler = Scheduler(self.loop, self.executor, 1, self.loop.time)

    def batcher(self, engine: Engine, seconds: float = 0.0001, **limits: Any) -> Batcher:
        """Return a batcher that knows the latency of its model."""
        engine.wait = self.loop.advance
        made = Batcher("m", engine, BatchLimits(**{"max_rows": 1} | limits), clock=self.loop.time)  # type: ignore[arg-type]
        made.expect(seconds)
        return made

    def ask(self, batcher: Batcher, *values: float, deadline: Deadline | None = None) -> "asyncio.Task[Any]":
        call = InferenceCall({"x": np.array(values)}, deadline or Deadline(self.loop.now))
        return self.loop.start(self.scheduler.infer(batcher, call))


def doubled(task: "asyncio.Task[Any]") -> Any:
    return task.result()["y"].tolist()


def test_requests_that_are_there_are_run_together() -> None:
    world, engine = World(), Engine()
    batcher = world.batcher(engine)
    tasks = [world.ask(batcher, number, number) for number in range(10)]
    world.loop.settle()
    assert engine.ran == [20]
    assert [doubled(task) for task in tasks] == [[2 * number, 2 * number] for number in range(10)]
    assert not world.executor.submitted


def test_one_that_cannot_be_run_fails_alone() -> None:
    world = World()
    batcher = world.batcher(Engine())
    world.loop.advance(1)
    good, bad = world.ask(batcher, 1.0), world.ask(batcher, -1.0)
    expired = world.ask(batcher, 2.0, deadline=Deadline(0.0, 0.5))
    world.loop.settle()
    assert doubled(good) == [2.0]
    for task, status in ((bad, 422), (expired, 504)):
        error = task.exception()
        assert isinstance(error, ServiceError)
        assert error.status == status


def test_no_more_rows_are_run_at_a_time_than_are_quick() -> None:
    world, engine = World(), Engine(seconds_a_row=MAX_INLINE_SECONDS / 4)
    batcher = world.batcher(engine, MAX_INLINE_SECONDS / 4)
    tasks = [world.ask(batcher, number) for number in range(12)]
    world.loop.settle()
    assert engine.ran == [4, 4, 4]
    assert all(task.done() for task in tasks)
    world.ask(batcher, *range(40))
    world.loop.settle()
    assert len(world.executor.submitted) == 1


def test_batches_are_of_sizes_that_need_little_padding() -> None:
    world, engine = World(), Engine()
    engine.batches = (1, 4, 64)
    batcher = world.batcher(engine)
    for number in range(11):
        world.ask(batcher, number)
    world.loop.settle()
    assert engine.ran == [4, 4, 3]


def test_what_is_not_quick_is_handed_to_a_thread() -> None:
    world = World()
    for batcher in (
        world.batcher(Engine(), 2 * MAX_INLINE_SECONDS),
        world.batcher(Engine(), max_delay=0.001),
        world.batcher(Engine(), max_inline_rows=0),
    ):
        world.ask(batcher, 1.0)
        world.loop.settle()
        world.loop.advance(0.01)
        world.loop.settle()
        assert len(world.executor.submitted) == 1
        world.executor.complete(0)
        world.loop.settle()


def test_nobody_is_passed() -> None:
    world, engine = World(), Engine()
    batcher = world.batcher(engine)
    call = InferenceCall({"x": np.array([1.0])}, Deadline(0.0), may_inline=False)
    slow = world.loop.start(world.scheduler.infer(batcher, call))
    quick = world.ask(batcher, 2.0)
    world.loop.settle()
    # While a thread runs a batch, the loop runs no other on the same engine, which may not be thread-safe.
    assert engine.ran == []
    world.executor.complete(0)
    world.loop.settle()
    assert (doubled(slow), doubled(quick)) == ([2.0], [4.0])


def test_a_turn_comes_to_its_end_however_many_models_are_asked() -> None:
    world = World()
    tasks = []
    for _ in range(40):
        batcher = world.batcher(Engine(seconds=MAX_INLINE_SECONDS / 2), MAX_INLINE_SECONDS / 2)
        tasks.append(world.ask(batcher, 1.0))
    longest, before = 0.0, world.loop.now
    while world.loop.step():
        longest = max(longest, world.loop.now - before)
        before = world.loop.now
    assert INLINE_BUDGET <= longest <= INLINE_BUDGET + MAX_INLINE_SECONDS
    assert all(task.done() for task in tasks)


def test_a_disturbed_run_does_not_make_a_quick_model_slow() -> None:
    world, engine = World(), Engine(seconds=MAX_INLINE_SECONDS / 4)
    batcher = world.batcher(engine, MAX_INLINE_SECONDS / 4)
    for _ in range(10):
        engine.seconds = 50 * MAX_INLINE_SECONDS  # the process got no core for a while
        world.ask(batcher, 1.0)
        world.loop.settle()
        engine.seconds = MAX_INLINE_SECONDS / 4
        for _ in range(10):
            world.ask(batcher, 1.0)
            world.loop.settle()
    assert not world.executor.submitted


def test_a_client_that_leaves_is_forgotten_at_once() -> None:
    world = World()
    batcher = world.batcher(Engine(), 2 * MAX_INLINE_SECONDS, max_waiting=100)
    tasks = [world.ask(batcher, 1.0) for _ in range(5)]
    world.loop.settle()
    assert batcher.waiting == 4
    for task in tasks[1:]:
        task.cancel()
    world.loop.settle()
    assert batcher.waiting == 0
    world.executor.complete(0)
    world.loop.settle()
    assert doubled(tasks[0]) == [2.0]


def test_what_is_answered_is_let_go_of_at_once() -> None:
    """Memory is freed without the garbage collector."""
    world = World()
    batcher = world.batcher(Engine())
    gc.collect()
    gc.disable()
    try:
        inline, on_thread, failing = np.array([1.0]), np.array([2.0]), np.array([-1.0])
        left = [weakref.ref(one) for one in (inline, on_thread, failing)]

        async def ask(x: np.ndarray, may_inline: bool) -> int:
            try:
                call = InferenceCall({"x": x}, Deadline(0.0), may_inline=may_inline)
                await world.scheduler.infer(batcher, call)
            except ServiceError as error:
                release(error)
                return error.status
            return 200

        tasks = [
            world.loop.start(ask(x, may_inline))
            for x, may_inline in ((inline, True), (on_thread, False), (failing, True))
        ]
        del inline, on_thread, failing
        world.loop.settle()
        world.executor.complete(0)
        world.loop.settle()
        assert [task.result() for task in tasks] == [200, 200, 422]
        assert [ref() for ref in left] == [None] * 3
    finally:
        gc.enable()


@pytest.fixture(scope="module")
def service(light: Path) -> Iterator[run.Service]:
    with run.started(Config(models=light, port=0, workers=1)) as service:
        run.wait_ready(service, 1, 30)
        yield service


def test_a_service_answers_quick_requests_without_a_thread(service: run.Service) -> None:
    (worker,) = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()

    def seconds() -> tuple[float, float]:
        """Return the processor time of the event loop and of all other threads."""
        spent = {
            task.name: sum(map(int, (task / "stat").read_text().rpartition(")")[2].split()[11:13]))
            for task in Path(f"/proc/{worker}/task").iterdir()
        }
        loop = spent.pop(worker)
        return loop / os.sysconf("SC_CLK_TCK"), sum(spent.values()) / os.sysconf("SC_CLK_TCK")

    body = json.dumps({"model": "reviews", "instances": ["good"]})
    before = seconds()
    with closing(http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=20)) as connection:
        for _ in range(2000):
            connection.request("POST", "/predict", body)
            response = connection.getresponse()
            assert response.status == 200
            assert response.read()
    loop, others = (after - earlier for after, earlier in zip(seconds(), before, strict=True))
    assert loop > 2 * others
