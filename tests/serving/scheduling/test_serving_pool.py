"""The threads of a worker: few work, many may wait, and no model keeps them all."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from serving.engines.base import Arrays
from serving.scheduling.batcher import SLOW, Lane
from serving.server.pool import Pool, Task, aside
from serving.signature import Signature

MOST, WORKING = 16, 2
ROW = {"x": np.zeros((1, 1), np.float32)}


class Slow:
    """An engine that answers when its gate is opened."""

    name, light, signature, batches = "slow", False, Signature({}, {}), ()

    def __init__(self) -> None:
        self.gate = threading.Event()

    def run(self, raw: Arrays) -> Arrays:
        self.gate.wait(10)
        time.sleep(2 * SLOW)
        return raw

    def close(self) -> None:
        self.gate.set()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(MOST, WORKING)
    yield pool
    pool.shutdown()


def done(tasks: list[Task], seconds: float = 10.0) -> bool:
    """Whether all are, within a time."""
    ended = threading.Semaphore(0)
    for task in tasks:
        task.add_done_callback(lambda _: ended.release())
    return all(ended.acquire(timeout=seconds) for _ in tasks)


def test_no_more_work_than_may(pool: Pool) -> None:
    working, most, lock = [0], [0], threading.Lock()

    def work() -> None:
        with lock:
            working[0] += 1
            most[0] = max(most[0], working[0])
        time.sleep(0.002)
        with lock:
            working[0] -= 1

    assert done([pool.submit(work) for _ in range(50)])
    assert most[0] == WORKING


def test_while_some_wait_others_work(pool: Pool) -> None:
    gate = threading.Event()

    def wait() -> bool:
        with aside():
            return gate.wait(10)

    waiting = [pool.submit(wait) for _ in range(MOST - WORKING)]
    assert done([pool.submit(time.sleep, 0) for _ in range(20)], 5)
    gate.set()
    assert done(waiting)
    assert all(task.result() for task in waiting)
    # Those that stood aside come back without more working than may.
    test_no_more_work_than_may(pool)


def test_an_error_is_told_and_costs_no_thread(pool: Pool) -> None:
    failing = [pool.submit(int, "x") for _ in range(2 * WORKING)]
    assert done(failing)
    assert all(isinstance(task.exception(), ValueError) for task in failing)
    assert done([pool.submit(time.sleep, 0)])


def test_aside_outside_of_a_pool_does_nothing() -> None:
    with aside():
        pass


def test_a_slow_model_leaves_threads_to_others(pool: Pool) -> None:
    engine = Slow()
    engine.gate.set()
    slow = Lane("slow", engine, at_once=1, most_waiting=MOST // 2, max_batch=4)
    slow.run(ROW)
    engine.gate.clear()
    tasks = [pool.submit(slow.run, ROW) for _ in range(40)]
    # Its queue is full, the rest was refused, and whoever asks for something else is answered.
    assert done([pool.submit(time.sleep, 0) for _ in range(20)], 5)
    assert slow.waiting == MOST // 2
    engine.gate.set()
    assert done(tasks)
    assert sum(task.exception() is None for task in tasks) == MOST // 2 + 1
