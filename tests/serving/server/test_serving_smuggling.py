"""Request smuggling, and responses that would reveal too much, over real sockets."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.config import Config
from serving.server import launcher as run

HIDDEN = b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLING = {
    "both": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(HIDDEN)),
    "both the other way": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "the same length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, %d\r\n\r\n" % len(HIDDEN),
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimals": b"Content-Length: 0x0\r\n\r\n",
    "a length with a space before it": b"Content-Length : 0\r\n\r\n",
    "a folded length": b"Content-Length:\r\n 0\r\n\r\n",
    "a folded header": b"X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a bare line feed": b"X-A: a\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "a bare carriage return": b"X-A: a\rContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "a zero byte": b"X-A: a\0\r\nContent-Length: 0\r\n\r\n",
    "no name": b": a\r\nContent-Length: 0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks, then something": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding with a space before it": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a coding with a tab": b"Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n",
    "a chunk's size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "a chunk's size with 0x": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a chunk's size with an underscore": b"Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n",
    "a chunk's size without an end": b"Transfer-Encoding: chunked\r\n\r\n0\n\n",
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "a chunk's note with a line feed": b"Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
    "a length in a trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\n\r\n",
}


@pytest.fixture(scope="module")
def service(light: Path) -> Iterator[run.Service]:
    with run.started(Config(models=light, port=0, workers=1)) as service:
        run.wait_ready(service, 1, 30)
        yield service


def exchange(service: run.Service, sent: bytes) -> bytes:
    """Return everything that the service sends until it closes."""
    host, port = service.url.removeprefix("http://").split(":")
    found = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(2**16):
            found += part
    return found


@pytest.mark.parametrize("kind", SMUGGLING)
def test_no_request_hides_behind_another(service: run.Service, kind: str) -> None:
    found = exchange(service, b"POST /predict HTTP/1.1\r\nHost: x\r\n" + SMUGGLING[kind] + HIDDEN)
    assert found.count(b"HTTP/1.1 ") == 1, found
    assert found.split()[1] in (b"400", b"501"), found
    assert b'"models"' not in found
    for word in (b"Traceback", b"serving/", b"site-packages", b".py"):
        assert word not in found


def test_two_requests_in_order_are_two(service: run.Service) -> None:
    found = exchange(service, b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + HIDDEN)
    assert found.count(b"HTTP/1.1 ") == 2
    assert b'"models"' in found


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nothing"), ("GET", "/models"), ("GET", "/metrics"), ("GET", "/readyz"), ("TRACE", "/"),
     ("PUT", "/predict"), ("OPTIONS", "*"), ("GET", "/static/../app.py"), ("GET", "/console"), ("GET", "/%ff%fe"),
     ("POST", "/v1/models/digits/versions/99999999999999999999:predict"), ("GET", "/v2/models/%0d%0aX-Evil:%201")],
)  # fmt: skip
def test_no_answer_tells_where_things_are_or_what_failed(
    service: run.Service, light: Path, method: str, path: str
) -> None:
    sent = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Request-Id: a b\r\nOrigin: http://evil\r\n\r\n"
    )
    found = exchange(service, sent.encode())
    assert found.startswith(b"HTTP/1.1 ")
    assert found.split()[1] != b"500"
    for word in (
        str(light).encode(),
        b"Traceback",
        b"site-packages",
        b"Access-Control",
        b"\nX-Evil",
        b"X-Request-Id: a b",
    ):
        assert word not in found


def test_who_asks_for_the_methods_of_the_whole_service_is_told(service: run.Service) -> None:
    head, _, body = exchange(service, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nAllow: GET, HEAD, POST, OPTIONS" in head
    assert body == b""
