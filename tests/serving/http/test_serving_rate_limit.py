"""The rate of a key is limited over all workers together."""

import http.client
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest
from click.testing import CliRunner

from serving.config import Config
from serving.http.rate_limit import RateLimiter
from serving.server import launcher as run
from suite.cli import group

BODY = json.dumps({"model": "reviews", "instances": ["good"]})
RATE = 20


def take(folder: Path, times: int) -> int:
    limiter = RateLimiter(folder)
    return sum(limiter.take("key", RATE) for _ in range(times))


def test_processes_share_one_bucket(tmp_path: Path) -> None:
    begun = time.monotonic()
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        taken = sum(pool.map(take, [tmp_path] * 4, [500] * 4))
    assert RATE <= taken <= RATE + RATE * (time.monotonic() - begun) + 1


def test_a_bucket_that_cannot_be_shared_is_kept_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    limiter = RateLimiter(tmp_path / "file" / "none")
    assert [limiter.take("key", 2) for _ in range(3)] == [True, True, False]
    assert RateLimiter(tmp_path).take("another", 0.5)


def test_a_full_disk_costs_no_descriptors(tmp_path: Path) -> None:
    limiter = RateLimiter(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = len(os.listdir("/proc/self/fd"))
    # A file that may not grow has no room for a bucket, as on a disk that is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        assert [limiter.take("key", 2) for _ in range(50)].count(True) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "rate-key").stat().st_size == 0
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def service(light: Path, tmp_path: Path) -> Iterator[tuple[run.Service, str]]:
    arguments = ["keys", "add", str(tmp_path / "keys.json"), "shop", "--per-second", str(RATE), "--json"]
    key = json.loads(CliRunner().invoke(group, arguments).stdout)["key"]
    with run.started(Config(models=light, port=0, workers=2, keys=str(tmp_path / "keys.json"))) as service:
        run.wait_ready(service, 2, 30)
        yield service, key


def test_one_connection_gets_all_that_its_key_may_ask(service: tuple[run.Service, str]) -> None:
    found, key = service
    statuses: Counter[int] = Counter()
    begun = time.monotonic()
    for connections in (1, 2):
        for _ in range(connections):
            with closing(http.client.HTTPConnection(found.url.removeprefix("http://"), timeout=20)) as connection:
                for _ in range(3 * RATE):
                    connection.request("POST", "/predict", BODY, {"Authorization": f"bearer {key}"})
                    response = connection.getresponse()
                    response.read()
                    statuses[response.status] += 1
        assert set(statuses) == {200, 429}
        assert RATE <= statuses[200] <= RATE + RATE * (time.monotonic() - begun) + 1
