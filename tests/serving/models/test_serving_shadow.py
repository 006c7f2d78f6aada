"""Comparisons of shadows are counted and bounded, whoever asks the shadows."""

import threading
from typing import Any

import numpy as np
import pytest

from serving.models.loader import Model
from serving.models.shadow import Shadow, ShadowComparisons

ONE = {"y": np.ones((1, 2), np.float32)}


def model() -> Model:
    return Model("digits", 2)


def test_answers_are_counted() -> None:
    shadow, asked = ShadowComparisons(), model()
    for end in (
        lambda: shadow.compare(asked, ONE, {"y": ONE["y"] + 1e-6}),
        lambda: shadow.compare(asked, ONE, {"y": ONE["y"] + 1}),
        lambda: shadow.compare(asked, ONE, {"z": ONE["y"]}),
        lambda: shadow.fail(asked, ValueError("no")),
    ):
        assert shadow.begin(asked)
        end()
    shadow.wait()
    assert shadow.counts["digits", 2] == {"same": 1, "different": 2, "failed": 1}


def test_only_so_many_are_under_way() -> None:
    shadow, asked = ShadowComparisons(most=2), model()
    assert [shadow.begin(asked) for _ in range(3)] == [True, True, False]
    shadow.compare(asked, ONE, ONE)
    assert shadow.begin(asked)
    assert shadow.counts["digits", 2] == {"left_out": 1, "same": 1}


def test_a_shadow_that_is_slow_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    class Slow:
        def run(self, raw: Any) -> Any:
            assert go_on.wait(30)
            return raw

    monkeypatch.setattr(Model, "lane_of", lambda *_: Slow())
    shadow, asked = Shadow(), model()
    for _ in range(70):
        shadow.give(asked, ONE, ONE)
    assert shadow.counts["digits", 2] == {"left_out": 6}
    go_on.set()
    shadow.wait()
    assert shadow.counts["digits", 2] == {"left_out": 6, "same": 64}
