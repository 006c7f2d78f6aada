"""Calls of many rows run in parts, and others between these."""

import time
from typing import Any

import pytest
from scheduling_loop import RunningLoop, ask, together, within
from serving_doubles import Engine

pytestmark = pytest.mark.alone


def test_large_calls_run_in_parts_and_others_between_them(running: RunningLoop) -> None:
    engine = Engine(seconds_a_row=0.005)
    engine.part_rows = 2
    model = running.model(engine)
    ended: dict[int, float] = {}

    def work(number: int) -> Any:
        time.sleep(0.05 * (number > 1))
        found = ask(model, [number] * (100 if number < 2 else 1))
        ended[number] = time.monotonic()
        return found

    found = together(work, 8)
    assert found == [[2.0 * number] * (100 if number < 2 else 1) for number in range(8)]
    # As many rows at a time as run in about 0.02 s, and none is run twice.
    assert max(engine.ran) <= 6
    assert sum(engine.ran) == 206
    # Those that came later are answered first, and the large ones have taken turns.
    assert max(ended[number] for number in range(2, 8)) < min(ended[0], ended[1])
    assert abs(ended[0] - ended[1]) < 0.2
    assert model.batcher.waiting == 0


def test_a_bad_part_fails_its_call_and_the_rest_of_it_is_not_run(running: RunningLoop) -> None:
    engine = Engine()
    engine.part_rows = 2
    model = running.model(engine)
    assert ask(model, [1.0, 1.0, -1.0, *[1.0] * 1000]) == 422
    assert sum(engine.ran) < 1000
    assert ask(model, [1.0] * 5) == [2.0] * 5
    assert model.batcher.waiting == 0


def test_a_call_in_parts_ends_at_its_deadline(running: RunningLoop) -> None:
    engine = Engine(seconds_a_row=0.005)
    engine.part_rows = 2
    model = running.model(engine)
    assert ask(model, [1.0] * 1000, within(0.2)) == 504
    assert 2 < sum(engine.ran) < 60
