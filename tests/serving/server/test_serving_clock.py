"""If the system clock jumps while the service answers, no wait, timeout or count changes."""

import http.client
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import serving_models as make
from click.testing import CliRunner

from serving.config import Config
from serving.server import launcher as run
from suite.cli import group

pytestmark = pytest.mark.alone

PICTURE = [[200] * make.SIDE] * make.SIDE
DAY = 24 * 60 * 60
DEADLINE = 30.0
# Python runs this first (sitecustomize); the file named in CLOCK has the seconds by which the clock is wrong.
SHIFTING = """
import datetime, os, time

def wrong_by():
    return float(open(os.environ["CLOCK"]).read() or 0)

right, right_ns = time.time, time.time_ns
time.time = lambda: right() + wrong_by()
time.time_ns = lambda: right_ns() + int(wrong_by() * 1e9)

class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=wrong_by())

datetime.datetime = Shifted
"""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that shifts the clock of the service."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python/sitecustomize.py").write_text(SHIFTING)
    file = tmp_path / "clock"
    file.write_text("0")
    monkeypatch.setenv("CLOCK", str(file))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "python"), os.environ.get("PYTHONPATH", "")]))
    return file


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "digits", tmp_path / "models/digits")
    return tmp_path / "models"


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A key that allows three requests a second."""
    arguments = ["keys", "add", str(tmp_path / "keys.json"), "shop", "--per-second", "3", "--json"]
    done = CliRunner().invoke(group, arguments)
    return str(json.loads(done.stdout)["key"])


@pytest.fixture
def service(store: Path, clock: Path, key: str, tmp_path: Path) -> Iterator[run.Service]:
    config = Config(models=store, port=0, workers=1, access_log=True, keys=str(tmp_path / "keys.json"), timeout=3)
    with run.started(config) as service:
        run.wait_ready(service, 1, DEADLINE)
        yield service


class Connection:
    """A kept-alive connection."""

    def __init__(self, service: run.Service, key: str) -> None:
        self.http = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=20)
        self.http.connect()
        self._headers = {"Authorization": f"Bearer {key}", "X-Request-Timeout-Ms": "2000"}

    def ask(self) -> tuple[int, dict[str, Any]]:
        self.http.request("POST", "/predict", json.dumps({"instances": [PICTURE]}), self._headers)
        response = self.http.getresponse()
        return response.status, json.load(response)

    def ask_while(self, clock: Path, jump: int) -> int:
        """Return the status of a request of which half arrives before the clock jumps."""
        body = json.dumps({"instances": [PICTURE]}).encode()
        self.http.putrequest("POST", "/predict")
        for name, value in {**self._headers, "Content-Length": str(len(body))}.items():
            self.http.putheader(name, value)
        self.http.endheaders(body[:20])
        time.sleep(0.2)
        clock.write_text(str(jump))
        time.sleep(1.2)  # one round of the loop that checks for expired connections
        self.http.send(body[20:])
        response = self.http.getresponse()
        response.read()
        return response.status

    def answered(self) -> dict[str, Any]:
        """Return the response, once the rate of the key allows it."""
        end = time.monotonic() + DEADLINE
        while (found := self.ask())[0] == 429:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert found[0] == 200, found
        return found[1]

    def metrics(self) -> str:
        self.http.request("GET", "/metrics", headers=self._headers)
        return self.http.getresponse().read().decode()


def last_logged(service: run.Service) -> datetime:
    """Return the time in the last line of the access log."""
    lines = [line for line in service.log.read_text().splitlines() if line.startswith("{")]
    return datetime.fromisoformat(json.loads(lines[-1])["time"])


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_clock_that_jumps_changes_nothing_but_the_log(
    service: run.Service, store: Path, clock: Path, key: str, jump: int
) -> None:
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
    before = children.read_text()
    connection = Connection(service, key)
    with closing(connection.http):
        assert connection.answered()["version"] == 1
        assert connection.ask_while(clock, jump) == 200
        # The connection is kept open, and the two seconds of the request are not over.
        assert connection.answered()["milliseconds"] < 1000
        assert abs(last_logged(service) - datetime.now(UTC) - timedelta(seconds=jump)) < timedelta(minutes=1)
        # The tokens of the key neither accumulate nor run out.
        time.sleep(1)
        statuses = [connection.ask()[0] for _ in range(8)]
        assert 3 <= statuses.count(200) <= 4
        assert statuses.count(429) == 8 - statuses.count(200)
        # A version that was written while the clock was wrong replaces the old one.
        folder = make.image(store, seed=5)
        for path in (folder, *folder.iterdir()):
            os.utime(path, (time.time() + jump,) * 2)
        end = time.monotonic() + DEADLINE
        while connection.answered()["version"] == 1:
            assert time.monotonic() < end
        clock.write_text("0")
        assert connection.answered()["version"] == 2
        # Wait longer than the master waits for a worker without signs of life.
        time.sleep(3.5)
        assert connection.answered()
        sums = [line for line in connection.metrics().splitlines() if "seconds_sum" in line]
    assert len(sums) >= 3
    assert all(0 <= float(line.rsplit(" ", 1)[1]) < DEADLINE for line in sums), sums
    assert children.read_text() == before
