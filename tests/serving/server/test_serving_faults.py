"""Faults while the service is under load, with real processes and real signals."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import serving_models as make

from serving.config import Config
from serving.server import launcher as run
from suite import artifact

pytestmark = pytest.mark.alone

BODY = json.dumps({"model": "digits", "instances": [[[200] * make.SIDE] * make.SIDE]}).encode()
DEADLINE = 30.0


class Load:
    """Connections that send requests repeatedly; it notes the results and the versions that answered."""

    def __init__(self, url: str, connections: int = 6) -> None:
        self.address = url.removeprefix("http://")
        self.results: Counter[str] = Counter()
        self.versions: Counter[int] = Counter()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(connections)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    def _ask(self) -> None:
        while not self._ended.is_set():
            connection = http.client.HTTPConnection(self.address, timeout=10)
            try:
                connection.connect()
            except OSError:
                self.results["refused"] += 1
                time.sleep(0.01)
                continue
            with closing(connection):
                self._ask_on(connection)

    def _ask_on(self, connection: http.client.HTTPConnection) -> None:
        while not self._ended.is_set():
            try:
                connection.request("POST", "/predict", BODY)
                response = connection.getresponse()
                answer = json.load(response)
            except (OSError, http.client.HTTPException):
                self.results["lost"] += 1
                return
            self.results[str(response.status)] += 1
            self.versions[answer.get("version", 0)] += 1
            if response.will_close:
                return


def until(condition: Callable[[], bool], seconds: float = DEADLINE) -> float:
    """Return how long it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + seconds
        time.sleep(0.02)
    return time.monotonic() - begun


def get(service: run.Service, path: str) -> str:
    with urllib.request.urlopen(service.url + path, timeout=10) as response:
        return str(response.read().decode())


def counted(service: run.Service, name: str) -> float:
    """Return the sum of a metric over its labels."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in get(service, "/metrics").splitlines() if line.startswith(name))


def workers(service: run.Service) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()]


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "digits", tmp_path / "digits")
    return tmp_path


@pytest.fixture
def service(store: Path) -> Iterator[run.Service]:
    with run.started(Config(models=store, port=0, workers=2)) as service:
        run.wait_ready(service, 2, DEADLINE)
        yield service


def test_a_killed_worker_costs_its_own_requests_only_and_counts_on(service: run.Service) -> None:
    with Load(service.url) as load:
        before = workers(service)
        os.kill(before[0], signal.SIGKILL)
        seconds = until(lambda: len(workers(service)) == 2 and before[0] not in workers(service))
        assert json.loads(get(service, "/readyz"))["state"] == "ready"
        time.sleep(0.5)
    assert seconds < 3
    assert load.results["lost"] <= 6
    assert load.results["200"] > 100
    assert set(load.results) <= {"200", "lost", "503"}
    until(lambda: counted(service, "suite_workers") == 2)
    assert counted(service, 'suite_requests_total{model="digits"') >= load.results["200"]


def test_sigterm_under_load_loses_nothing(store: Path) -> None:
    with run.started(Config(models=store, port=0, workers=2)) as service:
        run.wait_ready(service, 2, DEADLINE)
        with Load(service.url) as load:
            os.kill(service.pid, signal.SIGTERM)
            time.sleep(1.5)
    assert load.results["200"] > 100
    assert load.results["lost"] == 0, load.results


def test_sighup_under_load_loses_nothing_and_has_the_settings_read_anew(store: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"max_rows": 3}')
    with run.started(Config(models=store, port=0, workers=2, settings=str(settings))) as service:
        run.wait_ready(service, 2, DEADLINE)
        assert rows_that_are_taken(service) == 3
        with Load(service.url) as load:
            for text, count, most in (('{"max_rows": 5, "workers": 3}', 3, 5), ("{", 3, 5), ("{}", 2, 10)):
                settings.write_text(text)
                before = workers(service)
                os.kill(service.pid, signal.SIGHUP)
                until(lambda before=before, count=count: replaced(before, workers(service), count))  # type: ignore[misc]
                assert rows_that_are_taken(service) == most
    assert set(load.results) == {"200"}, load.results


def test_sighup_with_broken_keys_replaces_nobody(store: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    with run.started(Config(models=store, port=0, workers=2, keys=str(keys))) as service:
        run.wait_ready(service, 2, DEADLINE)
        before = workers(service)
        keys.write_text("{")
        os.kill(service.pid, signal.SIGHUP)
        until(lambda: "no worker is replaced" in service.log.read_text())
        assert workers(service) == before
        assert get(service, "/healthz")
        keys.write_text("{}")
        os.kill(service.pid, signal.SIGHUP)
        until(lambda: replaced(before, workers(service), 2))


def replaced(before: list[int], now: list[int], count: int) -> bool:
    return len(now) == count and not set(before) & set(now)


def rows_that_are_taken(service: run.Service) -> int:
    """Return how many instances one request may have, trying up to 10."""
    picture = json.loads(BODY)["instances"][0]
    with closing(http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=10)) as connection:
        for rows in range(1, 11):
            connection.request("POST", "/predict", json.dumps({"model": "digits", "instances": [picture] * rows}))
            response = connection.getresponse()
            response.read()
            if response.status == 413:
                return rows - 1
    return 10


def test_new_versions_under_load_fail_no_request(store: Path, service: run.Service) -> None:
    with Load(service.url) as load:
        for number in range(2, 7):
            shutil.copytree(store / "digits/1", store / f".next/{number}", dirs_exist_ok=True)
            found = artifact.read_card(store / "digits/1")
            assert found
            found.version = number
            artifact.write_card(store / f".next/{number}", found)
            (store / f".next/{number}").rename(store / f"digits/{number}")
            time.sleep(1.2)
        until(lambda: load.versions[6] > 0)
    assert set(load.results) == {"200"}, load.results
    assert set(load.versions) >= {1, 6}


def test_a_store_that_is_deleted_while_serving_harms_nobody(store: Path, service: run.Service) -> None:
    with Load(service.url) as load:
        shutil.rmtree(store / "digits")
        until(lambda: load.results["404"] > 0)
        assert get(service, "/healthz")
    assert set(load.results) <= {"200", "404", "503"}, load.results


def test_a_request_that_comes_in_pieces_is_answered(service: run.Service) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for _ in range(2):
            for start in range(0, len(head + BODY), 97):
                connection.sendall((head + BODY)[start : start + 97])
                time.sleep(0.005)
            assert connection.recv(4000).startswith(b"HTTP/1.1 200")
        # Two signals at once: the second is not lost.
        connection.sendall((head + BODY) * 2)
        found = b""
        while found.count(b"HTTP/1.1 200") < 2:
            found += connection.recv(4000)


def test_slow_and_vanished_clients_keep_nobody_waiting(service: run.Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for number in range(150):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            head = b"POST /predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY)
            if number < 100:  # a part of a request, or nothing
                connection.sendall((head + BODY)[: 2 * number])
            else:
                connection.sendall(head + BODY)
                connection.close()
        with Load(service.url, 2) as load:
            until(lambda: load.results["200"] > 20)
    assert set(load.results) == {"200"}


def test_every_answer_has_an_id_and_metrics_are_well_formed(service: run.Service) -> None:
    request = urllib.request.Request(f"{service.url}/predict", BODY, {"X-Request-Id": "mine-7"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.headers["X-Request-Id"] == "mine-7"
    with urllib.request.urlopen(f"{service.url}/healthz", timeout=10) as response:
        assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-Id"])
    text = get(service, "/metrics")
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [0-9.e+-]+(inf)?", line), line
    count = counted(service, 'suite_request_seconds_count{model="digits"')
    assert count == counted(service, 'suite_request_seconds_bucket{model="digits",protocol="suite",le="inf"}') == 1


def test_the_access_log_is_json(store: Path) -> None:
    with run.started(Config(models=store, port=0, workers=1, access_log=True)) as service:
        run.wait_ready(service, 1, DEADLINE)
        with urllib.request.urlopen(urllib.request.Request(f"{service.url}/predict", BODY), timeout=10):
            pass
        until(lambda: '"path": "/predict"' in service.log.read_text())
        (line,) = [json.loads(one) for one in service.log.read_text().splitlines() if '"path": "/predict"' in one]
    assert (line["status"], line["model"], line["method"]) == (200, "digits", "POST")
    assert line["milliseconds"] > 0
