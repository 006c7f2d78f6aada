"""Converts between our requests and WSGI, in both directions.

`WsgiBridge` passes requests from the event loop to a WSGI application (Flask), on threads of its own. `WsgiGateway`
wraps the whole service as a WSGI application, so that any WSGI server can run it. https://peps.python.org/pep-3333/
"""

import asyncio
import io
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from serving.context import RequestContext
from serving.errors import TOO_LARGE, ServiceError
from serving.http.messages import Request, Response, status_line
from serving.scheduling.operations import OperationQueue
from serving.scheduling.scheduler import Scheduler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BROKEN = "the body could not be read to its end: send it again"
CONTEXT = "suite.context"
READ_SIZE = 2**16
# The routes of the application read short JSON, or no body at all.
MAX_BODY = 2**20
USELESS = "the body has {:,} bytes, and nothing at this path takes more than {:,}: send a shorter one, or none"


class WsgiBridge:
    """Passes requests to a WSGI application on `threads` threads of its own; up to `max_waiting` more may wait.

    A request whose client leaves while it waits is dropped with its body; one that a thread answers counts until the
    thread has finished.
    """

    def __init__(self, application: "WSGIApplication", threads: int, max_waiting: int) -> None:
        self._application, self._threads, self._max_waiting = application, threads, max_waiting
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduler: Scheduler
        self._queue: OperationQueue

    async def __call__(self, request: Request, context: RequestContext) -> Response:
        """Return the application's response; raise ServiceError 413, 499, 503 or 504."""
        if len(request.body) > MAX_BODY:
            raise ServiceError(413, USELESS.format(len(request.body), MAX_BODY))
        self._bind(asyncio.get_running_loop())
        response = await self._call(request, context)
        if context.awaited:
            # Wait here instead of in the view, where it would keep others from the few threads.
            await asyncio.wrap_future(context.awaited)
            response = await self._call(request, context)
        return response

    async def _call(self, request: Request, context: RequestContext) -> Response:
        function = partial(call, self._application, request, context)
        response: Response = await self._scheduler.compute(self._queue, request.deadline, function)
        return response

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Create the threads on first use, because a server may fork and start its loop after creating the bridge."""
        if loop is not self._loop:
            self._loop = loop
            executor = ThreadPoolExecutor(self._threads, thread_name_prefix="flask")
            self._scheduler = Scheduler(loop, executor, self._threads)
            self._queue = OperationQueue(self._max_waiting, self._threads)


def call(application: "WSGIApplication", request: Request, context: RequestContext) -> Response:
    """Call a WSGI application and return its complete response."""
    written: list[bytes] = []
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exception: Any = None) -> Callable[[bytes], Any]:
        started[:] = [status, headers]
        return written.append

    parts = application(environment(request, context), start_response)
    try:
        written.extend(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = started
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    others = tuple(pair for pair in headers if pair[0].lower() not in ("content-type", "content-length"))
    return Response(b"".join(written), int(status[:3]), kinds[0] if kinds else "", others)


def environment(request: Request, context: RequestContext) -> "WSGIEnvironment":
    """Return the WSGI environment of a request, without headers with underscores, which are ambiguous in WSGI."""
    host = request.headers.get("host", "")
    found: WSGIEnvironment = {
        # The server leaves the body out of the response to HEAD, but needs it for Content-Length.
        "REQUEST_METHOD": "GET" if request.method == "HEAD" else request.method,
        "SCRIPT_NAME": request.root_path,
        "PATH_INFO": request.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": host.rpartition(":")[0] or host or "localhost",
        "SERVER_PORT": "443" if request.scheme == "https" else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.client,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        CONTEXT: context,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if name == "content-type":
            found[key] = value
        elif "_" not in name and name not in ("content-length", "transfer-encoding"):
            found[f"HTTP_{key}"] = value
    return found


def context(environ: "WSGIEnvironment") -> RequestContext:
    """Return the context of the request that a WSGI application is answering."""
    found: RequestContext = environ[CONTEXT]
    return found


class WsgiGateway:
    """The service as a WSGI application: passes requests from the server's threads to an event loop of its own."""

    def __init__(
        self, respond: Callable[[Request], Coroutine[Any, Any, Response]],
        refuse: Callable[[Request, ServiceError], Response],
        bind: Callable[[asyncio.AbstractEventLoop], object], max_body: int,
    ) -> None:  # fmt: skip
        self._respond, self._refuse, self._bind, self._max_body = respond, refuse, bind, max_body
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = request_of(environ)
        try:
            request.body = read_body(environ, self._max_body)
        except ServiceError as error:
            response = self._refuse(request, error)
        else:
            response = asyncio.run_coroutine_threadsafe(self._respond(request), self._running_loop()).result()
        headers = [("Content-Length", str(len(response.body))), *response.headers]
        if response.content_type:
            headers.insert(0, ("Content-Type", response.content_type))
        start_response(status_line(response.status), headers)
        return [] if request.method == "HEAD" else [response.body]

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """Return this process's loop, started on first use, because servers may fork after creating the application."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._loop.run_forever, name="inference", daemon=True).start()
                self._bind(self._loop)
            return self._loop


def request_of(environ: "WSGIEnvironment") -> Request:
    """Return a request without its body. WSGI passes the path's UTF-8 bytes decoded as Latin-1."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return Request(
        environ["REQUEST_METHOD"], environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "surrogateescape"),
        environ.get("QUERY_STRING", ""), headers, b"", environ.get("wsgi.url_scheme", "http"),
        environ.get("REMOTE_ADDR", ""), environ.get("SCRIPT_NAME", ""),
    )  # fmt: skip


def read_body(environ: "WSGIEnvironment", max_body: int) -> bytes:
    """Read the body as it was sent; raise ServiceError 400 or 413."""
    declared, source = environ.get("CONTENT_LENGTH", ""), environ["wsgi.input"]
    length = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else None
    if declared and length is None:
        raise ServiceError(400, f"Content-Length is '{declared[:20]}': give a whole number")
    # Some servers end the input where the body ends, and say so; with others, we must not read past Content-Length.
    left = length if length is not None else 2 * max_body if environ.get("wsgi.input_terminated") else 0
    try:
        content: bytes = source.read(min(left, max_body + 1))
        left -= len(content)
        # Read on: a client that is still sending when the connection closes would never see the response.
        while len(content) > max_body and left > 0 and (part := source.read(min(left, READ_SIZE))):
            left -= len(part)
    except Exception as error:  # each server raises exceptions of its own for a broken transfer
        raise ServiceError(400, BROKEN) from error
    if len(content) > max_body or (length or 0) > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))
    if length is not None and len(content) < length:
        raise ServiceError(400, BROKEN)
    return content
