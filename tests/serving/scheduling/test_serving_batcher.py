"""Waiting requests run together, in order and within limits; an invalid request does not affect others."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scheduling_loop import RunningLoop, ask, together, within
from serving_doubles import Engine

from serving.deadline import Deadline
from serving.engines.base import Arrays
from serving.errors import ServiceError
from serving.scheduling.batcher import MAX_INLINE_SECONDS, BatchLimits
from serving.signature import Signature

pytestmark = pytest.mark.alone

ROW = np.zeros((1, 1), np.float32)


def gone() -> Deadline:
    deadline = Deadline(received_at=time.monotonic() - 1)
    deadline.client_left()
    return deadline


def test_one_alone_waits_for_nobody(running: RunningLoop) -> None:
    model = running.model(Engine(0.0))
    started = time.monotonic()
    assert ask(model, [1.0]) == [2.0]
    assert time.monotonic() - started < 0.02


def test_requests_that_wait_run_together_and_get_their_own_rows(running: RunningLoop) -> None:
    engine = Engine(0.02)
    model = running.model(engine)
    found = together(lambda number: ask(model, [number] * (1 + number % 3)), 30)
    assert found == [[2.0 * number] * (1 + number % 3) for number in range(30)]
    assert sum(engine.ran) == sum(1 + number % 3 for number in range(30))
    assert len(engine.ran) < 15
    assert model.batcher.waiting == 0


def test_no_batch_is_larger_than_it_may_be_but_a_large_request_is_run_whole(running: RunningLoop) -> None:
    engine = Engine(0.02)
    model = running.model(engine, max_rows=4)
    found = together(lambda number: ask(model, [number] * (10 if number == 5 else 2)), 12)
    assert found == [[2.0 * number] * (10 if number == 5 else 2) for number in range(12)]
    assert sorted(set(engine.ran)) in ([2, 4, 10], [4, 10])


def test_with_a_batch_of_one_each_runs_alone(running: RunningLoop) -> None:
    engine = Engine(0.001)
    model = running.model(engine, max_rows=1)
    together(lambda number: ask(model, [number]), 10)
    assert engine.ran == [1] * 10


def test_a_bad_row_fails_its_own_request_only(running: RunningLoop) -> None:
    model = running.model(Engine(0.02))
    found = together(lambda number: ask(model, [-1.0 if number == 3 else number]), 8)
    assert found == [422 if number == 3 else [2.0 * number] for number in range(8)]


def test_requests_of_different_shape_are_not_joined(running: RunningLoop) -> None:
    model = running.model(Engine(0.02))

    def work(number: int) -> Any:
        return model.run(np.ones((1, 1 + number % 2)), may_inline=False).shape

    assert together(work, 10) == [(1, 1 + number % 2) for number in range(10)]


def test_a_full_queue_says_so_at_once(running: RunningLoop) -> None:
    model = running.model(Engine(0.1), max_waiting=2, max_rows=1)
    found = together(lambda number: ask(model, [number]), 8)
    assert found.count(503) >= 4
    assert all(answer == 503 or isinstance(answer, list) for answer in found)
    assert ask(model, [1.0]) == [2.0]


def test_what_has_expired_or_whose_client_is_gone_is_not_computed(running: RunningLoop) -> None:
    engine = Engine(0.1)
    model = running.model(engine, max_rows=1)
    deadlines = [Deadline(), within(0.05), gone(), Deadline()]
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, model, [0.0], deadlines[0])
        time.sleep(0.02)
        others = [pool.submit(ask, model, [1.0], deadline) for deadline in deadlines[1:]]
        assert [future.result() for future in (first, *others)] == [[0.0], 504, 499, [2.0]]
    assert len(engine.ran) == 2


def test_a_deadline_is_kept_though_the_model_does_not_come_to_its_end(running: RunningLoop) -> None:
    hangs = threading.Event()
    model = running.model(Engine(1, wait=lambda _: hangs.wait(10) and None))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, model, [0.0])
        time.sleep(0.05)
        started = time.monotonic()
        assert ask(model, [1.0], within(0.1)) == 504
        assert time.monotonic() - started < 0.5
        hangs.set()
        assert first.result() == [0.0]


def test_what_would_come_too_late_is_not_begun_and_one_slow_run_refuses_nobody_for_good(running: RunningLoop) -> None:
    engine = Engine(0.05)
    model = running.model(engine)
    for _ in range(20):
        ask(model, [1.0])
    engine.ran.clear()
    assert ask(model, [1.0], within(0.02)) == 504
    assert engine.ran == []
    assert ask(model, [1.0], within(0.5)) == [2.0]
    # From now on the model is fast, and the batcher notices that although no deadline allows for its old latency.
    engine.seconds = 0.0
    answers = [ask(model, [1.0], within(0.02)) for _ in range(100)]
    assert answers[0] == 504
    assert answers[-1] == [2.0]


def test_a_batch_may_wait_a_moment_for_others(running: RunningLoop) -> None:
    engine = Engine(0.0)
    model = running.model(engine, max_delay=0.2, max_rows=3)
    started = time.monotonic()
    assert together(lambda number: ask(model, [number]), 3) == [[0.0], [2.0], [4.0]]
    assert engine.ran == [3]
    assert time.monotonic() - started < 0.15
    assert ask(model, [7.0]) == [14.0]


@pytest.mark.parametrize(
    ("concurrency", "settings"), [(2, {}), (2, {"max_delay": 0.001}), (1, {"max_rows": 3})]
)  # fmt: skip
def test_thousands_of_requests_from_many_threads_all_get_their_answers(
    running: RunningLoop, concurrency: int, settings: dict[str, Any]
) -> None:
    engine = Engine(0.0)
    engine.concurrency = concurrency
    model = running.model(engine, **settings)
    wrong = []

    def work(number: int) -> None:
        random = np.random.default_rng(number)
        for _ in range(200):
            x = random.integers(0, 100, random.integers(1, 5)).astype(float)
            if model.run(x, may_inline=bool(random.integers(0, 2))).tolist() != (2 * x).tolist():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not wrong


def test_bounds_may_change_while_requests_are_under_way(running: RunningLoop) -> None:
    engine = Engine(0.002)
    model = running.model(engine, max_rows=1)
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            model.batcher.limits = BatchLimits(max_waiting=100, max_rows=4, max_delay=0.001)
            time.sleep(0.003)
            model.batcher.limits = BatchLimits(max_waiting=100, max_rows=1)
            time.sleep(0.003)

    changing = threading.Thread(target=change)
    changing.start()
    found = together(lambda number: [ask(model, [number]) for _ in range(50)], 8)
    stop.set()
    changing.join()
    assert found == [[[2.0 * number]] * 50 for number in range(8)]
    assert max(engine.ran) > 1
    model.batcher.limits = BatchLimits(max_waiting=100, max_rows=64)
    engine.ran.clear()
    together(lambda number: ask(model, [number]), 8)
    assert model.batcher.running == 0
    assert sum(engine.ran) == 8


class Slow:
    """An engine that runs once its gate is opened."""

    name, light, signature, batches, part_rows, concurrency = "slow", False, Signature({}, {}), (), 0, 1

    def __init__(self) -> None:
        self.gate = threading.Event()

    def run(self, raw: Arrays) -> Arrays:
        self.gate.wait(10)
        time.sleep(2 * MAX_INLINE_SECONDS)
        return {"y": raw["x"]}

    def close(self) -> None:
        self.gate.set()


def test_no_more_is_computed_at_a_time_than_there_are_threads(running: RunningLoop) -> None:
    working, most, lock = [0], [0], threading.Lock()

    def work() -> None:
        with lock:
            working[0] += 1
            most[0] = max(most[0], working[0])
        time.sleep(0.002)
        with lock:
            working[0] -= 1

    together(lambda _: running.compute(work), 50)
    assert most[0] == 2


def test_an_error_is_told_and_costs_no_thread(running: RunningLoop) -> None:
    for _ in range(4):
        with pytest.raises(ValueError, match="invalid literal"):
            running.compute(lambda: int("x"))
    assert running.compute(lambda: 7) == 7


def test_a_slow_model_leaves_threads_to_others(running: RunningLoop) -> None:
    engine, most = Slow(), 8
    engine.gate.set()
    model = running.model(engine, max_waiting=most, max_rows=4)
    model.run(ROW, may_inline=False)
    engine.gate.clear()

    def work(_: int) -> bool:
        try:
            model.run(ROW, may_inline=False)
        except ServiceError:
            return False
        return True

    with ThreadPoolExecutor(40) as pool:
        answers = [pool.submit(work, 0)]
        # It runs alone: of those that come at once several would run together.
        while not running.in_loop(running.scheduler.longest_running):
            time.sleep(0.005)
        answers += [pool.submit(work, number) for number in range(1, 40)]
        # Its queue is full, other calls were refused, and requests for another model are still answered.
        assert [running.compute(lambda: 1) for _ in range(20)] == [1] * 20
        while sum(answer.done() for answer in answers) < 40 - most - 1:
            time.sleep(0.005)
        assert running.in_loop(lambda: model.batcher.waiting) == most
        assert running.scheduler.longest_running() > 0
        engine.gate.set()
        assert sum(answer.result() for answer in answers) == most + 1
    assert running.in_loop(running.scheduler.longest_running) == 0
