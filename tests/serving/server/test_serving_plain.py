"""Requests that are read past the server's own parser are read exactly as it would have."""

import socket
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from serving.server import plain

PLAIN = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
CLIENT, SERVER = ("127.0.0.1", 1), ("127.0.0.1", 2)
# What clients and attackers write where something else belongs.
LINES = (
    "POST /predict HTTP/1.1", "POST /predict?model=a%20b HTTP/1.1", "POST /v1/models/a:predict HTTP/1.1",
    "POST //x/predict HTTP/1.1", "POST http://x/predict HTTP/1.1", "POST /a%2fb HTTP/1.1", "POST /predict HTTP/1.0",
    "GET /predict HTTP/1.1", "POST /predict?#a HTTP/1.1", "POST /predict;a=b HTTP/1.1", "POST /pre dict HTTP/1.1",
    "post /predict HTTP/1.1", "POST /\xe9 HTTP/1.1", "POST /predict HTTP/1.1 ", "POST  /predict HTTP/1.1",
    "POST /?a?b HTTP/1.1", "POST /a//b HTTP/1.1", "POST /a\\b HTTP/1.1", "POST / HTTP/1.1",
)  # fmt: skip
HEADERS = (
    "Host: x", "Content-Length: 2", "content-length:2", "Content-Length: +2", "Content-Length: 02",
    "Content-Length: 2, 2", "Content-Length: 3", "Content-Length : 2", "Transfer-Encoding: chunked",
    "Expect: 100-continue", "Connection: keep-alive", "Connection: close", "Connection: Keep-Alive, Upgrade",
    "Upgrade: h2c", "X-A: a", "X-A:\tb \t", "X_A: a", "X-A: \xe9", "X-A: a\x0bb", "X-A: a\rb", "X-A: a\nb", " folded",
    "X-A:", ": a", "Content-Type: application/json", "Script-Name: /a", "SCRIPT_NAME: /predict",
    "X-Forwarded-Proto: https", "X-Request-Timeout-Ms: 5", "Authorization: Bearer a b", "X-A: \u212a",
    "Te: trailers", "Content-Encoding: gzip",
)  # fmt: skip
TEXTS = st.text(st.characters(max_codepoint=255), max_size=12)
REQUESTS = st.builds(
    lambda line, headers, body: ("\r\n".join([line, *headers, "", ""]) + body).encode("latin-1", "ignore"),
    st.sampled_from(LINES) | TEXTS.map("POST /{} HTTP/1.1".format),
    st.lists(st.sampled_from(HEADERS) | st.builds("{}: {}".format, TEXTS, TEXTS), max_size=5).map(
        lambda some: [*some, "Host: x", "Content-Length: 2"]
    )
    | st.lists(st.sampled_from(HEADERS), max_size=4),
    st.sampled_from(["{}", "", "{}{}", "{}POST / HTTP/1.1\r\n\r\n"]),
)


def by_gunicorn(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The environment and what is left after the request; an exception for one that it refuses."""
    config = Config()
    config.set("forwarded_allow_ips", "127.0.0.1")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        parser = RequestParser(config, ours, CLIENT)
        _, environ = wsgi.create(next(parser), ours, CLIENT, SERVER, config)
        body = environ["wsgi.input"].read()
        return environ | {"body": body}, parser.unreader.take_buffered() + ours.recv(100)


@given(REQUESTS)
def test_what_is_plain_is_what_the_server_reads(content: bytes) -> None:
    environ = plain.read(content)
    if environ is None:
        return
    expected, rest = by_gunicorn(content)
    body = environ.pop("wsgi.input").read()
    assert (body, rest) == (expected["body"], b"")
    assert environ == {name: expected[name] for name in environ}
    assert {name for name in expected if name.startswith(("HTTP_", "CONTENT_"))} <= environ.keys()


def test_a_common_request_is_plain() -> None:
    environ = plain.read(PLAIN)
    assert environ is not None
    assert (environ["PATH_INFO"], environ["CONTENT_LENGTH"], environ["wsgi.input"].read()) == ("/predict", "2", b"{}")
    found = plain.read(
        b"POST /v2/models/a/infer?b=c HTTP/1.1\r\nAccept-Encoding: gzip, zstd\r\nHost: 127.0.0.1:8501\r\n"
        b"User-Agent: a/1 (b; c)\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert found is not None
    assert found["QUERY_STRING"] == "b=c"


@pytest.mark.parametrize(
    ("headers", "is_plain"),
    [
        (b"", False),
        (b"Content-Type: application/json\r\n", False),
        (b"Content-Type: application/octet-stream\r\n", True),
        (b"Inference-Header-Content-Length: 200\r\n", True),
        (b"Inference-Header-Content-Length: %d\r\n" % (plain.LARGEST_READ + 1), False),
        (b"Inference-Header-Content-Length: x\r\n", False),
    ],
)
def test_what_is_longer_is_plain_where_most_of_it_is_bytes(headers: bytes, is_plain: bool) -> None:
    body = bytes(plain.LARGEST_READ + 1)
    content = b"POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body)
    environ = plain.read(content)
    assert (environ is not None) == is_plain
    assert environ is None or environ["wsgi.input"].read() == body


@pytest.mark.parametrize(
    "content",
    [
        PLAIN[:-1],
        PLAIN + b" ",
        PLAIN.replace(b"Host: x\r\n", b""),
        PLAIN.replace(b"Host", b"Host: y\r\nHost"),
        PLAIN.replace(b"x\r\n", b"x\r\nConnection: close\r\n"),
        PLAIN.replace(b"x\r\n", b"x\r\nContent-Encoding: gzip\r\n"),
        PLAIN.replace(b"x\r\n", b"x" * plain.LONGEST_HEAD + b"\r\n"),
        PLAIN.replace(b"2\r\n\r\n{}", b"%d\r\n\r\n" % plain.LARGEST + b" " * plain.LARGEST),
    ],
    ids=["cut", "more", "no host", "two hosts", "closing", "compressed", "long head", "large"],
)
def test_what_is_not_plain_is_left_to_the_server(content: bytes) -> None:
    assert plain.read(content) is None
