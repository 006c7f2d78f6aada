"""Workers accept connections evenly, and only as many as there is room for."""

import http.client
import json
import os
import resource
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from serving.config import Config
from serving.server import launcher as run
from serving.server.connections import SWEEP_INTERVAL

pytestmark = pytest.mark.alone

BODY = b'{"model": "reviews", "instances": ["good"]}'
FILES = 80


def connect(service: run.Service) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def ask(service: run.Service, path: str = "/readyz") -> tuple[int, float]:
    """Return status and latency in seconds of a request on a new connection."""
    begun = time.monotonic()
    with closing(http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=20)) as connection:
        connection.request("GET" if path != "/predict" else "POST", path, None if path != "/predict" else BODY)
        response = connection.getresponse()
        response.read()
        return response.status, time.monotonic() - begun


def workers(service: run.Service) -> str:
    return Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text()


@pytest.mark.parametrize("at_once", [True, False])
def test_workers_have_about_as_many_connections_each(light: Path, at_once: bool) -> None:
    with run.started(Config(models=light, port=0, workers=2)) as service:
        run.wait_ready(service, 2, 30)
        # A worker begins to accept connections a moment after it has loaded its models.
        time.sleep(2 * SWEEP_INTERVAL)
        with ExitStack() as stack:
            found = [stack.enter_context(connect(service)) for _ in range(40)] if at_once else []
            counts: Counter[int] = Counter()
            for number in range(40):
                client = found[number] if at_once else stack.enter_context(connect(service))
                client.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
                response = http.client.HTTPResponse(client)
                response.begin()
                counts[json.load(response)["worker"]] += 1
    assert len(counts) == 2
    assert max(counts.values()) <= 24, counts


@contextmanager
def limited(light: Path, log: Path, **settings: int) -> Iterator[run.Service]:
    """A service of one worker that may have FILES open files."""
    config = Config(models=light, workers=1, **settings)  # type: ignore[arg-type]
    listening = run.listen("127.0.0.1", 0)
    with listening, log.open("wb") as errors:
        process = subprocess.Popen(
            run.command(config, listening.fileno()), env=run.environment(config), pass_fds=[listening.fileno()],
            stderr=errors, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),
        )  # fmt: skip
        service = run.Service(f"http://127.0.0.1:{listening.getsockname()[1]}", process.pid, log)
    try:
        run.wait_ready(service, 1, 30)
        yield service
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("sent", [b"", b"GET /he"])
def test_running_out_of_descriptors_ends_nothing_and_keeps_nobody_waiting(
    light: Path, tmp_path: Path, sent: bytes
) -> None:
    with limited(light, tmp_path / "log") as service, ExitStack() as stack:
        before = workers(service)
        for _ in range(4 * FILES):
            client = stack.enter_context(connect(service))
            with suppress(ConnectionError):
                client.sendall(sent)
        for path in ("/healthz", "/predict", "/models", "/metrics"):
            status, seconds = ask(service, path)
            assert status == 200
            assert seconds < 3
        assert workers(service) == before
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_no_more_connections_than_may_be(light: Path) -> None:
    with run.started(Config(models=light, port=0, workers=1, max_connections=10)) as service:
        run.wait_ready(service, 1, 30)
        with ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(connect(service))
            assert ask(service)[0] == 200
            (worker,) = workers(service).split()
            sockets = sum(os.readlink(file).startswith("socket:") for file in Path(f"/proc/{worker}/fd").iterdir())
            assert sockets < 20


def test_a_connection_is_kept_as_long_as_the_settings_say(light: Path) -> None:
    with run.started(Config(models=light, port=0, workers=1, keep_alive=1)) as service:
        run.wait_ready(service, 1, 30)
        with connect(service) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            begun = time.monotonic()
            while client.recv(1000):
                pass
            assert 0.8 < time.monotonic() - begun < 3
