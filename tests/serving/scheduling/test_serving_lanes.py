"""Those that wait run together, in order, within bounds; nobody pays for another's mistake."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from serving_doubles import Engine

from serving.errors import ServiceError
from serving.scheduling.batcher import Lane
from serving.scheduling.deadline import Deadline


def lane(engine: Engine, **settings: Any) -> Lane:
    return Lane("m", engine, **{"at_once": 1, "most_waiting": 100, "max_batch": 64} | settings)  # type: ignore[arg-type]


def ask(one: Lane, values: list[float], patience: Deadline | None = None) -> Any:
    raw = {"x": np.array(values)}
    try:
        return one.run(raw, patience or Deadline())["y"].tolist()
    except ServiceError as error:
        return error.status


def within(seconds: float) -> Deadline:
    return Deadline(deadline=time.monotonic() + seconds)


def together(work: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_one_alone_waits_for_nobody() -> None:
    engine = Engine(0.0)
    started = time.monotonic()
    assert ask(lane(engine), [1.0]) == [2.0]
    assert time.monotonic() - started < 0.02


def test_those_that_wait_run_together_and_get_their_own_rows() -> None:
    engine = Engine(0.02)
    one = lane(engine)
    found = together(lambda number: ask(one, [number] * (1 + number % 3)), 30)
    assert found == [[2.0 * number] * (1 + number % 3) for number in range(30)]
    assert sum(engine.ran) == sum(1 + number % 3 for number in range(30))
    assert len(engine.ran) < 15
    assert one.waiting == 0


def test_no_batch_is_larger_than_it_may_be_but_a_large_request_is_run_whole() -> None:
    engine = Engine(0.02)
    one = lane(engine, max_batch=4)
    found = together(lambda number: ask(one, [number] * (10 if number == 5 else 2)), 12)
    assert found == [[2.0 * number] * (10 if number == 5 else 2) for number in range(12)]
    assert sorted(set(engine.ran)) in ([2, 4, 10], [4, 10])


def test_with_a_batch_of_one_each_runs_alone() -> None:
    engine = Engine(0.001)
    one = lane(engine, max_batch=1)
    together(lambda number: ask(one, [number]), 10)
    assert engine.ran == [1] * 10


def test_a_bad_row_fails_its_own_request_only() -> None:
    engine = Engine(0.02)
    one = lane(engine)
    found = together(lambda number: ask(one, [-1.0 if number == 3 else number]), 8)
    assert found == [422 if number == 3 else [2.0 * number] for number in range(8)]


def test_requests_of_different_shape_are_not_joined() -> None:
    engine = Engine(0.02)
    one = lane(engine)

    def work(number: int) -> Any:
        return one.run({"x": np.ones((1, 1 + number % 2))})["y"].shape

    assert together(work, 10) == [(1, 1 + number % 2) for number in range(10)]


def test_a_full_queue_says_so_at_once() -> None:
    engine = Engine(0.1)
    one = lane(engine, most_waiting=2, max_batch=1)
    found = together(lambda number: ask(one, [number]), 8)
    assert found.count(503) >= 4
    assert all(answer == 503 or isinstance(answer, list) for answer in found)
    assert ask(one, [1.0]) == [2.0]


def test_what_has_expired_or_whose_client_is_gone_is_not_computed() -> None:
    engine = Engine(0.1)
    one = lane(engine, max_batch=1)
    now = time.monotonic()
    patiences = [Deadline(), Deadline(deadline=now + 0.05), Deadline(gone=lambda: True), Deadline()]
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, one, [0.0], patiences[0])
        time.sleep(0.02)
        others = [pool.submit(ask, one, [1.0], patience) for patience in patiences[1:]]
        assert [future.result() for future in (first, *others)] == [[0.0], 504, 499, [2.0]]
    assert len(engine.ran) == 2


def test_what_would_come_too_late_is_not_begun_and_one_slow_run_refuses_nobody_for_good() -> None:
    engine = Engine(0.05)
    one = lane(engine)
    for _ in range(20):
        ask(one, [1.0])
    engine.ran.clear()
    assert ask(one, [1.0], within(0.02)) == 504
    assert engine.ran == []
    assert ask(one, [1.0], within(0.5)) == [2.0]
    # From now on it is fast, which it is found to be although nobody waits for as long as it used to take.
    engine.seconds = 0.0
    answers = [ask(one, [1.0], within(0.02)) for _ in range(100)]
    assert answers[0] == 504
    assert answers[-1] == [2.0]


def test_a_batch_may_wait_a_moment_for_others() -> None:
    engine = Engine(0.0)
    one = lane(engine, max_delay=0.2, max_batch=3)
    started = time.monotonic()
    assert together(lambda number: ask(one, [number]), 3) == [[0.0], [2.0], [4.0]]
    assert engine.ran == [3]
    assert time.monotonic() - started < 0.15
    assert ask(one, [7.0]) == [14.0]


@pytest.mark.parametrize("settings", [{"at_once": 2}, {"at_once": 2, "max_delay": 0.001}, {"max_batch": 3}])
def test_thousands_of_requests_from_many_threads_all_get_their_answers(settings: dict[str, Any]) -> None:
    engine = Engine(0.0)
    one = lane(engine, **settings)
    wrong = []

    def work(number: int) -> None:
        random = np.random.default_rng(number)
        for _ in range(200):
            x = random.integers(0, 100, random.integers(1, 5)).astype(float)
            if ask(one, x.tolist()) != (2 * x).tolist():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not wrong


def test_bounds_may_change_while_requests_are_under_way() -> None:
    engine = Engine(0.002)
    one = lane(engine, at_once=3, max_batch=1)
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            one.limit(at_once=1, most_waiting=100, max_batch=4, max_delay=0.001)
            time.sleep(0.003)
            one.limit(at_once=3, most_waiting=100, max_batch=1, max_delay=0.0)
            time.sleep(0.003)

    changing = threading.Thread(target=change)
    changing.start()
    found = together(lambda number: [ask(one, [number]) for _ in range(50)], 8)
    stop.set()
    changing.join()
    assert found == [[[2.0 * number]] * 50 for number in range(8)]
    assert max(engine.ran) > 1
    # No place was lost or won: with one place left, those that wait run together.
    one.limit(at_once=1, most_waiting=100, max_batch=64, max_delay=0.0)
    engine.ran.clear()
    together(lambda number: ask(one, [number]), 8)
    assert one._free == 1
    assert sum(engine.ran) == 8
