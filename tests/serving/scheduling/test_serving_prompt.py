"""What is quick is answered by a worker's event loop, together where it can be; what is not holds it up for nobody."""

import gc
import http.client
import json
import os
import socket
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from serving_doubles import Engine

from serving.config import Config
from serving.errors import Answer, ServiceError
from serving.scheduling.batcher import SLOW, Lane, Run
from serving.scheduling.deadline import NO_DEADLINE, Deadline
from serving.scheduling.operations import Call, Step, carry_out
from serving.server import launcher as run
from serving.server.pool import Pool
from serving.server.prompt import TURN, Prompt

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
LONG = 4 * 2**20


def lane(engine: Engine, **settings: Any) -> Lane:
    """One that knows how long its model takes."""
    found = Lane(  # type: ignore[call-arg]
        "m", engine, **{"at_once": 1, "most_waiting": 9, "max_batch": 1, "max_here": 64} | settings
    )
    for _ in range(20):
        found.run({"x": np.zeros(1)})
    engine.ran.clear()
    return found


def asked(one: Lane, *values: float, patience: Deadline = NO_DEADLINE) -> Run:
    return Run(one, {"x": np.array(values)}, patience)


def run_all(one: Lane, runs: list[Run]) -> None:
    waiting = deque(runs)
    while waiting:
        assert one.run_here(waiting)


def test_those_that_are_there_are_run_together() -> None:
    engine = Engine()
    one = lane(engine)
    runs = [asked(one, number, number) for number in range(10)]
    assert all(run.quick() is run for run in runs)
    run_all(one, runs)
    # Where the machine is busy the model may look slow enough for two or three.
    assert sum(engine.ran) == 20
    assert len(engine.ran) <= 3
    assert [run.outcome["y"].tolist() for run in runs] == [[2 * number, 2 * number] for number in range(10)]


def test_one_that_cannot_be_run_fails_alone() -> None:
    one = lane(Engine())
    late = Deadline(deadline=time.monotonic() - 1)
    good, bad, expired = asked(one, 1.0), asked(one, -1.0), asked(one, 2.0, patience=late)
    run_all(one, [good, bad, expired])
    assert good.outcome["y"].tolist() == [2.0]
    assert [run.error.status for run in (bad, expired) if isinstance(run.error, ServiceError)] == [422, 504]


def test_no_more_rows_are_run_at_a_time_than_are_quick() -> None:
    engine = Engine(seconds_a_row=SLOW / 4)
    one = lane(engine)
    run_all(one, [asked(one, number) for number in range(12)])
    assert max(engine.ran) <= 4
    assert asked(one, 1.0).quick()
    assert not asked(one, *range(40)).quick()


def test_batches_are_of_sizes_that_need_little_padding() -> None:
    engine = Engine()
    engine.batches = (1, 4, 64)
    one = lane(engine)
    run_all(one, [asked(one, number) for number in range(11)])
    assert engine.ran == [4, 4, 3]


def test_nobody_is_passed_and_nobody_waits() -> None:
    engine = Engine()
    one = lane(engine)
    one.limit(at_once=0, most_waiting=9, max_batch=1, max_here=64)
    assert not one.run_here(deque([asked(one, 1.0)]))
    waits = asked(one, 2.0)
    waits.start(lambda function: None, lambda: None)
    assert one.waiting == 1
    with one._lock:  # as a place that was given back a moment ago
        one._free += 1
    assert not one.run_here(deque([asked(one, 1.0)]))
    assert engine.ran == []
    gathering = lane(engine, max_delay=0.001)
    assert not asked(gathering, 1.0).quick()


def test_those_that_hold_no_thread_are_led_by_whoever_ends() -> None:
    engine = Engine(seconds_a_row=0.02)
    one = lane(engine)
    pool, ended = Pool(4), list[Run]()
    submitted = list[Any]()

    def submit(function: Callable[..., object], *arguments: Any) -> None:
        submitted.append(function)
        pool.submit(function, *arguments)

    runs = [asked(one, number) for number in range(9)]
    refused = asked(one, 1.0)
    for asking in [*runs, asked(one, 0.0), refused]:
        asking.start(submit, partial(ended.append, asking))
    assert refused in ended
    assert isinstance(refused.error, ServiceError)
    assert refused.error.status == 503
    # One that has a thread of its own has its turn among them.
    assert ask_until_free(one) == [14.0]
    end = time.monotonic() + 20
    while len(ended) < 11:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert [run.outcome["y"].tolist() for run in runs] == [[2.0 * number] for number in range(9)]
    assert len(submitted) <= 2
    assert one.run({"x": np.array([4.0])})["y"].tolist() == [8.0]


def ask_until_free(one: Lane) -> Any:
    while True:
        try:
            return one.run({"x": np.array([7.0])})["y"].tolist()
        except ServiceError:
            time.sleep(0.01)


async def waiting_for(step: Step) -> Any:
    return await step


def test_what_is_answered_is_let_go_of_at_once() -> None:
    one = lane(Engine())
    gc.collect()
    gc.disable()
    try:
        here, started, alone, failing = asked(one, 1.0), asked(one, 2.0), asked(one, 3.0), asked(one, -1.0)
        left = [weakref.ref(one) for one in (here, started, alone, failing)]
        run_all(one, [here])
        started.start(lambda function: function(), lambda: None)
        alone.take()
        with suppress(ServiceError):
            carry_out(waiting_for(failing))
        del here, started, alone, failing
        assert [ref() for ref in left] == [None] * 4
    finally:
        gc.enable()


class Connections:
    """Pairs of sockets whose one end is answered by a `Prompt`, whose event loop is this test's thread."""

    def __init__(self, answering: Callable[[Any], Coroutine[Step, None, Answer]], most: int = 9) -> None:
        self.deferred: list[Callable[[], None]] = []
        self.ended: list[tuple[Any, bool]] = []
        self.pool = Pool(2)
        application = SimpleNamespace(
            answering=answering,
            crowded=lambda ahead: ServiceError(503, "too many") if ahead > most else None,
        )
        self.prompt = Prompt(
            application,  # type: ignore[arg-type]
            "http",
            self.pool,
            lambda function, *arguments: self.deferred.append(lambda: function(*arguments)),
            lambda conn, stays: self.ended.append((conn, stays)),
        )

    @contextmanager
    def asking(self, content: bytes = REQUEST) -> Iterator[tuple[Any, socket.socket]]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            conn = SimpleNamespace(sock=ours, client=("127.0.0.1", 1), incoming=SimpleNamespace(content=content))
            assert self.prompt.takes(conn, time.monotonic())
            yield conn, theirs

    def until_ended(self, count: int) -> None:
        end = time.monotonic() + 20
        while len(self.ended) < count:
            assert time.monotonic() < end
            while self.deferred:
                self.deferred.pop()()
            time.sleep(0.005)


def test_connections_are_answered_together() -> None:
    engine = Engine()
    one = lane(engine)

    async def answering(environ: Any) -> Answer:
        outputs = await asked(one, 21.0)
        return "200 OK", [], str(outputs["y"].tolist()).encode()

    loop = Connections(answering)
    with loop.asking() as (first, mine), loop.asking() as (second, other):
        assert not loop.ended
        loop.prompt.turn()
        assert loop.ended == [(first, True), (second, True)]
        assert mine.recv(1000).endswith(b"\r\n\r\n[42.0]")
        assert other.recv(1000).endswith(b"[42.0]")
    assert engine.ran == [2]


def test_a_turn_comes_to_its_end() -> None:
    one = lane(Engine(seconds_a_row=SLOW / 2))

    async def answering(environ: Any) -> Answer:
        return "200 OK", [], str((await asked(one, 1.0))["y"].tolist()).encode()

    loop = Connections(answering)
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(loop.asking())
        begun = time.monotonic()
        loop.prompt.turn()
        assert time.monotonic() - begun < 3 * TURN
        assert 0 < len(loop.ended) < 60
        while loop.prompt.waits:
            loop.prompt.turn()
        assert len(loop.ended) == 60


def test_what_takes_long_is_handed_to_a_thread() -> None:
    async def answering(environ: Any) -> Answer:
        await Call(lambda: time.sleep(0.2))
        return "200 OK", [], b"done"

    loop = Connections(answering)
    begun = time.monotonic()
    with loop.asking() as (conn, mine):
        assert time.monotonic() - begun < 0.15
        assert not loop.ended
        loop.until_ended(1)
        assert loop.ended == [(conn, True)]
        assert mine.recv(1000).endswith(b"done")


def test_what_fails_on_a_thread_fails_where_it_is_awaited() -> None:
    def fail() -> None:
        raise ServiceError(422, "no")

    async def answering(environ: Any) -> Answer:
        try:
            await Call(fail)
        except ServiceError as error:
            return f"{error.status} No", [], b""
        return "200 OK", [], b""

    loop = Connections(answering)
    with loop.asking() as (_, mine):
        loop.until_ended(1)
        assert mine.recv(1000).startswith(b"HTTP/1.1 422 No\r\n")
    assert carry_out(answering({})) == ("422 No", [], b"")


def test_too_many_before_it_are_told() -> None:
    async def answering(environ: Any) -> Answer:
        try:
            await Call(lambda: time.sleep(0.5))
        except ServiceError as error:
            return f"{error.status} Busy", [], b""
        return "200 OK", [], b""

    loop = Connections(answering, most=0)
    for _ in range(6):
        loop.pool.submit(time.sleep, 0.5)
    while loop.pool.waiting > 4:  # two have been taken up
        time.sleep(0.005)
    with loop.asking() as (_, mine):
        assert mine.recv(1000).startswith(b"HTTP/1.1 503 Busy\r\n")


def test_a_client_that_does_not_read_keeps_nobody_waiting() -> None:
    async def answering(environ: Any) -> Answer:
        return "200 OK", [], bytes(LONG)

    loop = Connections(answering)
    begun = time.monotonic()
    with loop.asking() as (_, mine), loop.asking() as (_, gone):
        gone.close()
        assert time.monotonic() - begun < 5
        received = 0
        while received < LONG:
            received += len(mine.recv(2**16))
        loop.until_ended(2)
        assert sorted(stays for _, stays in loop.ended) == [False, True]


@pytest.fixture(scope="module")
def service(light: Path) -> Iterator[run.Service]:
    with run.started(Config(models=light, port=0, workers=1)) as service:
        run.wait_ready(service, 1, 30)
        yield service


def test_a_service_answers_quick_requests_without_a_thread(service: run.Service) -> None:
    (worker,) = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()

    def seconds() -> tuple[float, float]:
        """Of the processor, by the event loop and by all other threads."""
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
