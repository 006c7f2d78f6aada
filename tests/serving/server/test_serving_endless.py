"""A model that does not come to its end costs the worker that runs it, and that one is replaced."""

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import pytest
import serving_models as make
import tensorflow as tf

from serving.config import Config
from serving.server import launcher as run

pytestmark = pytest.mark.alone

TIMEOUT = 2


class Counts(tf.Module):  # type: ignore[misc]
    """Counts to the largest of its numbers, one at a time."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        most = tf.reduce_max(x)
        (counted,) = tf.while_loop(lambda at: at < most, lambda at: (at + 1,), (tf.constant(0, tf.int64),))
        return {"y": x + 0 * counted}


def ask(service: run.Service, number: int) -> list[int]:
    body = json.dumps({"instances": [number]}).encode()
    with urllib.request.urlopen(f"{service.url}/v1/models/counts:predict", body, timeout=60) as response:
        answers: list[int] = json.load(response)["predictions"]
        return answers


def test_a_worker_whose_model_does_not_end_is_replaced(tmp_path: Path) -> None:
    make.plain(tmp_path, "counts", Counts())
    with (
        run.started(Config(models=tmp_path, port=0, workers=1, timeout=TIMEOUT)) as service,
        ThreadPoolExecutor(1) as pool,
    ):
        run.wait_ready(service, 1, 60)
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
        before = children.read_text()
        assert ask(service, 3) == [3]
        endless = pool.submit(ask, service, 10**12)
        slowest, end = 0.0, time.monotonic() + 60
        while children.read_text() in ("", before):
            assert time.monotonic() < end
            begun = time.monotonic()
            with urllib.request.urlopen(f"{service.url}/healthz", timeout=20) as response:
                assert response.status == 200
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.05)
        run.wait_ready(service, 1, 60)
        assert ask(service, 4) == [4]
        with pytest.raises((ConnectionError, URLError)):
            endless.result(30)
    assert slowest < 10
