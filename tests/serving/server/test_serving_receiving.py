"""Requests are received before a thread handles them: slow, stalled or oversized ones delay no others."""

import http.client
import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from serving.config import Config
from serving.server import launcher as run
from serving.server.connections import MAX_BODIES

pytestmark = pytest.mark.alone

MEBIBYTE = 2**20
LIMIT = 6 * MEBIBYTE
THREADS = 4
ASKED = b'{"model": "reviews", "instances": ["good"]}'
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def service(light: Path) -> Iterator[run.Service]:
    with run.started(Config(models=light, port=0, workers=1, threads=THREADS, max_body=LIMIT)) as service:
        run.wait_ready(service, 1, 30)
        yield service


def connect(service: run.Service) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def ask(service: run.Service, body: bytes = ASKED, **headers: str) -> tuple[int, dict[str, Any]]:
    with closing(http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=20)) as connection:
        connection.request("POST", "/predict", body, headers)
        response = connection.getresponse()
        return response.status, json.load(response)


def status(connection: socket.socket) -> int:
    """Return the status of the response."""
    with connection.makefile("rb") as file:
        return int(file.readline().split()[1])


def answered(file: BinaryIO) -> int:
    """Read the next response completely, and return its status."""
    status = int(file.readline().split()[1])
    head = list(iter(file.readline, b"\r\n"))
    length = next(int(line.split(b":")[1]) for line in head if line.startswith(b"Content-Length"))
    assert len(file.read(length)) == length
    return status


def long(length: int) -> bytes:
    return ASKED + b" " * (length - len(ASKED))


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


KINDS = {
    "length": HEAD + b"Content-Length: %d\r\n\r\n" % (5 * MEBIBYTE) + long(5 * MEBIBYTE),
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + in_chunks(long(5 * MEBIBYTE), 50_000),
    "gzip, chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + in_chunks(long(5 * MEBIBYTE), 50_000),
    "expects": HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (5 * MEBIBYTE) + long(5 * MEBIBYTE),
    "head": b"GET /healthz HTTP/1.1\r\n" + b"X-Long: %s\r\n" % (b"x" * 8000) * 90,
    "chunk's line": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5" + b";" + b"x" * 10_000,
    "too large": HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1) + long(LIMIT),
    "nobody's length": HEAD + b"Content-Length: 00000000000000005\r\n\r\n",
    "empty lines": b"\r\n" * 1000,
}


@pytest.mark.parametrize("kind", KINDS)
def test_dozens_that_crawl_delay_nobody(service: run.Service, kind: str) -> None:
    request = KINDS[kind]
    with ExitStack() as stack:
        crawling = [stack.enter_context(connect(service)) for _ in range(40)]
        # Send more than the loop ever buffers, and then a little from time to time.
        at = min(len(request) // 2, 2 * MEBIBYTE)
        for number, connection in enumerate(crawling):
            connection.sendall(request[: at if number < THREADS + 1 else 3000])
        slowest = 0.0
        for step in range(20):
            for connection in crawling[THREADS + 1 :]:
                connection.sendall(request[3000 + 10 * step :][:10])
            begun = time.monotonic()
            assert ask(service)[0] == 200
            slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 0.5


@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_a_large_body_that_comes_slowly_is_answered(service: run.Service, kind: str) -> None:
    request = KINDS[kind]
    with connect(service) as connection:
        for start in range(0, len(request), MEBIBYTE // 2):
            connection.sendall(request[start : start + MEBIBYTE // 2])
            time.sleep(0.02)
        assert status(connection) == 200


def test_two_requests_at_once_are_both_answered_however_large(service: run.Service) -> None:
    with connect(service) as connection:
        connection.sendall(KINDS["length"] + KINDS["chunks"] + HEAD + b"Content-Length: 2\r\n\r\n{}")
        # Read all of them from one file: a second one would miss what the first has buffered.
        with connection.makefile("rb") as file:
            assert [answered(file) for _ in range(3)] == [200, 200, 400]


def test_a_body_that_is_said_to_be_too_large_is_refused_before_it_comes(service: run.Service) -> None:
    for length in (LIMIT + 1, 10**12, 10**30):
        with connect(service) as connection:
            connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
            assert status(connection) == 413
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=20) as response:
        assert b'protocol="suite",status="413"' in response.read()


def test_who_sends_it_all_the_same_still_sees_the_answer(service: run.Service) -> None:
    found, answer = ask(service, b"x" * (LIMIT + MEBIBYTE))
    assert (found, f"larger than {LIMIT:,} bytes" in answer["error"]) == (413, True)


def test_chunks_are_refused_once_they_are_too_many(service: run.Service) -> None:
    with connect(service) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + in_chunks(b"x" * LIMIT, 60_000)[:-5])
        connection.sendall(b"1\r\nx")
        assert status(connection) == 413


def test_who_waits_to_be_told_to_send_is_told_once(service: run.Service) -> None:
    with connect(service) as connection:
        head, _, body = KINDS["expects"].partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert status(connection) == 200


def test_no_more_is_received_than_eight_of_the_largest(service: run.Service) -> None:
    with ExitStack() as stack:
        # Each sends nearly everything, then stalls.
        stalled = [stack.enter_context(connect(service)) for _ in range(MAX_BODIES + 2)]
        for connection in stalled:
            connection.settimeout(0.5)
            connection.sendall(KINDS["length"][:-1])
        found = []
        for connection in stalled:
            try:
                found.append(status(connection))
            except TimeoutError:
                found.append(0)
        assert 503 in found
        assert set(found) == {0, 503}
        # Small requests are still answered.
        assert ask(service)[0] == 200
        (worker,) = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
        held = next(line for line in Path(f"/proc/{worker}/status").read_text().splitlines() if "VmRSS" in line)
        assert int(held.split()[1]) < 350 * 1024
    # Large ones are, too, once the stalled clients are gone.
    time.sleep(0.2)
    assert ask(service, long(5 * MEBIBYTE))[0] == 200


def test_clients_that_do_not_close_delay_nobody(service: run.Service) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(connect(service))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert status(connection) == 200
        begun = time.monotonic()
        assert ask(service)[0] == 200
        assert time.monotonic() - begun < 0.5
