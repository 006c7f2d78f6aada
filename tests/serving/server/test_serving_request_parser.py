"""Valid and invalid requests, with their bytes split in any way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import ServiceError
from serving.server.request_parser import MAX_FIELDS, MAX_HEAD, MAX_TARGET, RequestParser

MOST = 30
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"content-LENGTH:  7 \r\n\r\nseven\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nany\r\n\r\n5\r\n\r\nbyt\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
    HEAD + b"Transfer-Encoding: Chunked\r\n\r\n0;x\r\n\r\n",
    HEAD + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}",
    HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
    HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET http://x/y?z HTTP/1.1\r\nHost: x\r\nConnection: a, CLOSE\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    b"GET HTTPS://my_host.%41b:8/y?z?/ HTTP/1.1\r\nHost: my_host.%41b\r\n\r\n",
    HEAD + b"Content-Length: " + b"0" * 5000 + b"7\r\n\r\nseven..",
    b"GET /%c3%a9%ff HTTP/1.0\r\n\r\n",
    b"\r\n\r\nGET / HTTP/1.7\r\nHost:\r\n\r\n",
]
# Pieces of real requests and of attacks, for random combinations.
PIECES = [
    *WHOLE, HEAD, b"\r\n", b"\n", b"\r", b"0", b";", b"5", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n", b"Host: x\r\n", b":",
    b" ", b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"X_A: b\r\n", b"\x00", b"\xff", b"a",
]  # fmt: skip


def parsed(parts: list[bytes]) -> Any:
    """Return the requests in bytes that arrive in these parts, and the status of the error, if any."""
    parser = RequestParser(MOST, "http", "127.0.0.1", "")
    status = 0
    try:
        for part in parts:
            parser.feed(part)
    except ServiceError as error:
        status = error.status
    found = [
        (one.request.method, one.request.path, one.request.query, one.request.headers, one.request.body, one.persistent)
        for one in parser.requests
    ]
    return found, status


@pytest.mark.parametrize("request_bytes", WHOLE)
def test_a_request_is_whole_at_its_last_byte(request_bytes: bytes) -> None:
    parser = RequestParser(MOST, "http", "127.0.0.1", "")
    for byte in request_bytes:
        assert not parser.requests
        parser.feed(bytes([byte]))
    assert len(parser.requests) == 1
    assert parser.is_idle


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=8), st.data())
def test_no_bytes_are_read_otherwise_when_they_are_cut(pieces: list[bytes], data: st.DataObject) -> None:
    content = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert parsed([part for part in parts if part]) == parsed([content])


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /a HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: x\n\n", 400),
        (b"GET /a HTTP/1.1\rHost: x\r\r", 400),
        (b"GET\r\n\r\n", 400),
        (b"/a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /a\r\n\r\n", 505),
        (b"GET /a HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /a HTTP/x\r\nHost: x\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /a\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: [::::]\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: %zz\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", 400),
        (b"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://[::::]/a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://a@b/a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET httpx://a/a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"PRI / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (HEAD + b"X A: 1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n", 400),
        (HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: identity\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (HEAD + b"Expect: 200-ok\r\n\r\n", 417),
        (HEAD + b"Content-Length: 31\r\n\r\n", 413),
        (HEAD + b"Content-Length: 99999999999999999999999999999\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1F\r\n" + b"x" * 31, 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: y\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (HEAD + b"A: " + b"b" * MAX_HEAD + b"\r\n\r\n", 431),
        (HEAD + b"A: b\r\n" * MAX_FIELDS + b"\r\n", 431),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(request_bytes: bytes, status: int) -> None:
    assert parsed([request_bytes]) == ([], status)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [("http://my_host/healthz", "/healthz", ""), ("http://x", "/", ""), ("http://x?a=b", "/", "a=b"),
     ("HTTP://[::1]:80/%41?", "/A", ""), ("https://x:/a//b?c?d", "/a//b", "c?d")],
)  # fmt: skip
def test_the_host_may_stand_in_the_target(target: str, path: str, query: str) -> None:
    ((_, found, found_query, _, _, _),), status = parsed([f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()])
    assert (found, found_query, status) == (path, query, 0)


def test_a_length_that_begins_with_zeros_is_a_length() -> None:
    for zeros in (1, 20, 60_000):
        ((*_, body, _),), status = parsed([HEAD + b"Content-Length: " + b"0" * zeros + b"2\r\n\r\n{}"])
        assert (body, status) == (b"{}", 0)


@pytest.mark.parametrize(
    "beginning", [b"GET /", HEAD + b"A", HEAD + b"A: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;"]
)
def test_what_never_comes_to_an_end_is_refused_before_much_of_it_is_held(beginning: bytes) -> None:
    parser = RequestParser(MOST, "http", "127.0.0.1", "")
    parser.feed(beginning)
    sent = 0

    def send_on() -> None:
        nonlocal sent
        while sent < 2**24:
            parser.feed(b"a" * 1000)
            sent += 1000

    with pytest.raises(ServiceError):
        send_on()
    assert sent < 2**21


def test_requests_before_one_that_is_broken_are_there() -> None:
    found, status = parsed([b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2 + b"GET /b HTTP/1.1\n"])
    assert ([path for _, path, *_ in found], status) == (["/a", "/a"], 400)


def test_names_that_wsgi_would_take_for_its_own_are_left_out() -> None:
    found, status = parsed([b"GET / HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /a\r\nX-B: d\r\nx-b: e\r\n\r\n"])
    ((_, _, _, headers, _, _),) = found
    assert (headers, status) == ({"host": "x", "x-b": "d, e"}, 0)


@pytest.mark.parametrize("body", [b"Content-Length: 19\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n13\r\n"])
def test_the_body_of_a_request_for_another_protocol_is_no_request(body: bytes) -> None:
    upgrade = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + body
    end = b"\r\n0\r\n\r\n" if b"chunked" in body else b""
    hidden = b"GET /x HTTP/1.1\r\n\r\n"
    found, status = parsed([upgrade + hidden + end + WHOLE[0]])
    assert ([(path, content) for _, path, _, _, content, _ in found], status) == ([("/predict", hidden), ("/", b"")], 0)


@pytest.mark.parametrize(
    ("target", "path"),
    [("/ml/predict", "/predict"), ("/ml", "/"), ("/ml/", "/"), ("/predict", "/predict"),
     ("/mlx/predict", "/mlx/predict"), ("/%6dl/predict?a=1", "/predict"), ("/ml/ml/predict", "/ml/predict")],
)  # fmt: skip
def test_the_path_of_a_proxy_may_be_left_in_front(target: str, path: str) -> None:
    parser = RequestParser(MOST, "http", "127.0.0.1", "/ml")
    parser.feed(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert parser.requests[0].request.path == path
