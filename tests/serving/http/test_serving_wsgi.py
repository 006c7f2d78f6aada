"""The application runs on any WSGI server, and answers predictions there too."""

import asyncio
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

from serving.app import create_app
from serving.config import Config
from serving.context import RequestContext
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.http import wsgi
from serving.http.messages import Request, Response

ASKED = json.dumps({"model": "reviews", "instances": ["good"]}).encode()
LIMIT = 10_000
# Python's own server sets text/plain for requests without a content type.
TYPE = {"Content-Type": "application/json"}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


@contextmanager
def python_s_own(light: Path) -> Iterator[str]:
    """The address of Python's own server, with a check that the application complies with PEP 3333."""
    app = create_app(Config(models=light, max_body=LIMIT))
    assert app.extensions["service"].repository.wait(60)
    with make_server("127.0.0.1", 0, validator(app.wsgi_app), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def gunicorns(light: Path, worker: str) -> Iterator[str]:
    """The address of gunicorn with one of its own workers and none of our settings."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "gunicorn", "-k", worker, "--threads", "4", "-b", address]
    environment = {**os.environ, "SUITE_MODELS": str(light), "SUITE_MAX_BODY": str(LIMIT)}
    process = subprocess.Popen([*command, "serving.app:create_app()"], env=environment, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while status(address) != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module", params=["wsgiref", "sync", "gthread"])
def address(light: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    with python_s_own(light) if request.param == "wsgiref" else gunicorns(light, request.param) as address:
        yield address


def status(address: str) -> int:
    try:
        return ask(address, "GET", "/readyz")[0]
    except OSError:
        return 0


def ask(address: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()


def test_any_server_runs_it(address: str) -> None:
    found, body = ask(address, "POST", "/predict", ASKED, **TYPE)
    assert (found, len(json.loads(body)["predictions"])) == (200, 1)
    assert ask(address, "GET", "/models")[0] == 200
    assert ask(address, "HEAD", "/healthz") == (200, b"")
    assert ask(address, "POST", "/healthz")[0] == 405
    assert ask(address, "GET", "/nothing")[0] == 404
    assert ask(address, "POST", "/predict", b"{" * (LIMIT + 1))[0] == 413
    assert ask(address, "POST", "/v1/models/reviews:predict", b'{"instances": ["good"]}', **TYPE)[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/models", "/docs/docs.css", "/nothing", "/v2/repository/index"])
def test_head_tells_the_length_that_get_has(address: str, path: str) -> None:
    # A proxy may use the answer to HEAD for its cache (RFC 9110, 8.6).
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        found = []
        for method in ("HEAD", "GET"):
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            found.append((response.status, response.headers["Content-Type"], response.headers["Content-Length"]))
        assert found[0] == found[1]
        assert int(found[1][2]) == len(body) > 0


def test_head_is_allowed_where_get_is(address: str) -> None:
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        for path in ("/healthz", "/readyz", "/v2/health/live", "/models"):
            connection.request("DELETE", path)
            response = connection.getresponse()
            response.read()
            assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", ")), path


def test_many_threads_are_answered_by_one_loop(address: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(address, "POST", "/predict", ASKED, **TYPE), range(100)))
    assert {found for found, _ in answers} == {200}
    assert len({json.dumps(json.loads(body)["predictions"]) for _, body in answers}) == 1


def test_a_request_is_the_same_after_wsgi_and_back() -> None:
    request = Request(
        "POST", "/a é\udcff", "b=c", {"host": "x:81", "content-type": "a/b", "content-length": "3", "x-a": "b",
         "s_n": "/"},
        b"abc", "https", "10.0.0.1", "/ml",
    )  # fmt: skip
    environ = wsgi.environment(request, RequestContext("1", Deadline()))
    assert (environ["SCRIPT_NAME"], environ["SERVER_NAME"], environ["wsgi.url_scheme"]) == ("/ml", "x", "https")
    assert "HTTP_S_N" not in environ
    back = wsgi.request_of(environ)
    back.body = wsgi.read_body(environ, LIMIT)
    headers = {name: value for name, value in request.headers.items() if "_" not in name}
    assert (back.method, back.path, back.query, back.body) == (request.method, request.path, request.query, b"abc")
    assert (back.headers, back.scheme, back.client, back.root_path) == (headers, "https", "10.0.0.1", "/ml")


@pytest.mark.parametrize(
    ("environ", "read"),
    [
        ({"wsgi.input": io.BytesIO(b"abcdef"), "CONTENT_LENGTH": "3"}, b"abc"),
        ({"wsgi.input": io.BytesIO(b"abcdef")}, b""),
        ({"wsgi.input": io.BytesIO(b"abcdef"), "wsgi.input_terminated": True}, b"abcdef"),
    ],
)
def test_no_more_is_read_than_was_declared(environ: dict[str, object], read: bytes) -> None:
    assert wsgi.read_body(environ, 10) == read


def through_a_bridge(test: Callable[[wsgi.WsgiBridge, list[Any]], Any]) -> None:
    """Run a test with a bridge whose two threads are busy, and on which two more requests may wait."""
    go_on = threading.Event()

    def application(environ: Any, start_response: Any) -> list[bytes]:
        go_on.wait(20)
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    async def run() -> None:
        bridge = wsgi.WsgiBridge(application, 2, 2)
        busy = [asyncio.ensure_future(send(bridge, b"")) for _ in range(2)]
        try:
            await test(bridge, busy)
        finally:
            go_on.set()
        await asyncio.gather(*busy, return_exceptions=True)

    asyncio.run(run())


async def send(bridge: wsgi.WsgiBridge, body: bytes) -> Response:
    request = Request("POST", "/", body=body)
    return await bridge(request, RequestContext("1", request.deadline))


def test_a_request_whose_client_leaves_is_dropped_with_its_body() -> None:
    async def test(bridge: wsgi.WsgiBridge, busy: list[Any]) -> None:
        body = bytes(1000)
        before = sys.getrefcount(body)
        for _ in range(10):
            waiting = [asyncio.ensure_future(send(bridge, body)) for _ in range(2)]
            await asyncio.sleep(0.01)
            for one in waiting:
                one.cancel()
            await asyncio.wait(waiting)
        del waiting, one
        assert sys.getrefcount(body) == before

    through_a_bridge(test)


def test_a_request_counts_until_its_thread_has_finished() -> None:
    async def test(bridge: wsgi.WsgiBridge, busy: list[Any]) -> None:
        await asyncio.sleep(0.01)
        busy[0].cancel()
        waiting = [asyncio.ensure_future(send(bridge, b"a")) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(ServiceError, match="all that may") as raised:
            await send(bridge, b"a")
        assert (raised.value.status, raised.value.headers) == (503, {"Retry-After": "1"})
        for one in waiting:
            one.cancel()

    through_a_bridge(test)


def test_a_large_body_is_for_nothing_there() -> None:
    async def test(bridge: wsgi.WsgiBridge, busy: list[Any]) -> None:
        with pytest.raises(ServiceError, match="nothing at this path takes more than") as raised:
            await send(bridge, bytes(wsgi.MAX_BODY + 1))
        assert raised.value.status == 413

    through_a_bridge(test)
