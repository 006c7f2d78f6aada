"""Comparisons with shadows are counted and limited, and do not delay requests."""

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import serving_models as make

from serving.app import create_app
from serving.config import Config
from serving.models.loader import Model
from serving.models.shadow import Shadow, size_of
from suite import labels
from suite.artifact import Card
from suite.labels import Label

ONE = {"y": np.ones((1, 2), np.float32)}


def model() -> Model:
    return Model("digits", 2)


def test_answers_are_counted() -> None:
    shadow, asked = Shadow(), model()
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


def test_numbers_are_compared_on_their_scale() -> None:
    card = Card("prices", 1, "table", "", [], [], [], {}, task="regression", target={"scale": 1e5})
    shadow, asked = Shadow(), replace(model(), card=card)
    for difference in (10, 1_000):
        assert shadow.begin(asked)
        shadow.compare(asked, ONE, {"y": ONE["y"] + difference})
    assert shadow.counts["digits", 2] == {"same": 1, "different": 1}


def test_only_so_many_are_under_way() -> None:
    shadow, asked = Shadow(most=2), model()
    assert [shadow.begin(asked) for _ in range(3)] == [True, True, False]
    shadow.compare(asked, ONE, ONE)
    assert shadow.begin(asked)
    assert shadow.counts["digits", 2] == {"left_out": 1, "same": 1}


def test_only_so_many_bytes_are_held() -> None:
    shadow, asked = Shadow(most_bytes=100), model()
    assert [shadow.begin(asked, size) for size in (500, 1)] == [True, False]
    shadow.compare(asked, ONE, ONE, 500)
    assert [shadow.begin(asked, size) for size in (60, 40, 1)] == [True, True, False]
    shadow.fail(asked, ValueError("no"), 60)
    assert [shadow.begin(asked, size) for size in (61, 60)] == [False, True]
    assert shadow.counts["digits", 2] == {"left_out": 3, "same": 1, "failed": 1}


def test_texts_count_with_what_they_hold() -> None:
    assert size_of({"x": np.zeros((2, 3), np.float32)}) == 24
    assert 1000 < size_of({"x": np.array(["a" * 1000, b""], object)}) < 1200


def test_a_shadow_that_is_slow_keeps_nobody_waiting(light: Path, tmp_path: Path) -> None:
    shutil.copytree(light / "digits", tmp_path / "digits")
    make.image(tmp_path, "digits")
    labels.put(tmp_path / "digits", labels.STABLE, Label(1))
    labels.put(tmp_path / "digits", labels.SHADOW, Label(2))
    app = create_app(Config(models=tmp_path, poll=0))
    service = app.extensions["service"]
    assert service.repository.wait(60)
    slow, go_on = service.repository.get("digits", 2).batcher.engine, threading.Event()
    run = slow.run
    slow.run = lambda raw: (go_on.wait(30), run(raw))[1]
    asked = json.dumps({"model": "digits", "instances": [[[200] * make.SIDE] * make.SIDE]})
    for _ in range(70):
        assert app.test_client().post("/predict", data=asked).status_code == 200
    assert service.shadow.counts["digits", 2] == {"left_out": 6}
    go_on.set()
    service.shadow.wait()
    assert service.shadow.counts["digits", 2] == {"left_out": 6, "same": 64}
