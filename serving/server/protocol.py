"""An HTTP connection: parses requests, passes them to the application one at a time, and writes its responses."""

import asyncio
import logging
from collections.abc import Awaitable
from email.utils import formatdate
from functools import lru_cache
from math import inf
from time import monotonic, time
from typing import Protocol, cast

from serving.config import MEBIBYTE
from serving.errors import ServiceError
from serving.http.messages import Request, Response, status_line
from serving.server.request_parser import Received, RequestParser

# Bytes parsed at a time before checking whether a request is complete, and bytes that may wait while it is answered.
PARSE_SIZE, MAX_BACKLOG = 2**16, 2**16
# Seconds allowed for receiving a request or for a client to read a response; each mebibyte adds as many again.
TRANSFER_TIMEOUT = 30.0
# Seconds for a client to close the connection after a response with "Connection: close".
CLOSE_TIMEOUT = 2.0
# A request of at most this many bytes is never refused because of the memory that other clients use.
SMALL_REQUEST = 2**16
# A response body of at most this many bytes is copied behind its head, so that one system call sends both.
MAX_COPIED_BODY = 2**16
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FULL = "too many large bodies are being received: ask again in a moment"
SLOW = f"the request did not come within {TRANSFER_TIMEOUT:.0f} seconds a mebibyte: send it again"

log = logging.getLogger(__name__)


class Application(Protocol):
    """The application that answers requests."""

    def respond(self, request: Request) -> Awaitable[Response]: ...

    def refuse(self, request: Request, error: ServiceError) -> Response: ...


class ConnectionContext(Protocol):
    """State and settings that all connections of a worker share."""

    application: Application
    loop: asyncio.AbstractEventLoop
    max_body: int
    root_path: str
    keep_alive: float
    is_closing: bool
    # Bytes of requests not answered yet, over all connections, and their limit.
    held: int
    max_held: int

    def add(self, connection: "HttpProtocol", /) -> None: ...

    def remove(self, connection: "HttpProtocol", /) -> None: ...


class HttpProtocol(asyncio.Protocol):
    """The connection of one client. It bounds the memory and the time that a client can use, whatever it sends.

    The worker calls `expire` after `expires_at`, a time of `time.monotonic`.
    """

    def __init__(self, shared: ConnectionContext, scheme: str, refusal: ServiceError | None = None) -> None:
        self._shared, self._scheme, self._refusal = shared, scheme, refusal
        self.transport: asyncio.Transport
        self._parser: RequestParser
        self._task: asyncio.Task[None] | None = None
        self._current: Received | None = None
        self._backlog = b""
        self._held = 0
        self._began_at = monotonic()
        self._is_draining = self._has_eof = self._is_reading_paused = False
        self._drain_left = 0
        self.is_writing_paused = False
        self.expires_at = inf

    @property
    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self._task is None and not self._is_draining and self._parser.is_idle and not self.is_writing_paused

    @property
    def is_receiving(self) -> bool:
        """Whether a request has been received in part."""
        return self._task is None and not self._is_draining and not self._parser.is_idle

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        client = peer[0] if isinstance(peer, tuple) else ""
        self._parser = RequestParser(self._shared.max_body, self._scheme, client, self._shared.root_path)
        self.expires_at = monotonic() + TRANSFER_TIMEOUT
        self._shared.add(self)
        if self._refusal:
            self._refuse(self._refusal)

    def data_received(self, data: bytes) -> None:
        if self._is_draining:
            self._drain_left -= len(data)
            if self._drain_left < 0:
                self.transport.abort()
        elif self._task or self.is_writing_paused:
            self._backlog += data
            if len(self._backlog) > MAX_BACKLOG:
                self._is_reading_paused = True
                self.transport.pause_reading()
        else:
            self._receive(data)

    def eof_received(self) -> bool:
        self._has_eof = True
        if self._current:
            self._current.request.deadline.client_left()
        # Requests received before are still answered, except over TLS, where nothing can be sent any more.
        return bool(self._task or self.is_writing_paused) and self.transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._release()
        self._shared.remove(self)
        if self._task:
            self._task.cancel()

    def pause_writing(self) -> None:
        self.is_writing_paused = True
        self.expires_at = monotonic() + TRANSFER_TIMEOUT * (1 + self.transport.get_write_buffer_size() // MEBIBYTE)

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        if self._is_draining:
            self.expires_at = monotonic() + CLOSE_TIMEOUT
        elif not self._task:
            self._continue()

    # Called by the worker.

    def expire(self) -> None:
        """End the connection at its timeout: answer an incomplete request with 408, abort in all other cases."""
        if self.is_receiving and not self.is_writing_paused:
            self._refuse(ServiceError(408, SLOW))
        else:
            self.transport.abort()

    def close_soon(self, expires_at: float) -> None:
        """Close at `expires_at` if the connection is idle; a request that arrives earlier is still answered."""
        if self.is_idle:
            self.expires_at = min(self.expires_at, expires_at)

    # Receiving.

    def _receive(self, data: bytes) -> None:
        """Parse received bytes up to the end of a request; the bytes after it wait in the backlog."""
        if self._parser.is_idle:
            self._began_at = monotonic()
        self._held += len(data)
        self._shared.held += len(data)
        try:
            for start in range(0, len(data), PARSE_SIZE):
                self._parser.feed(data[start : start + PARSE_SIZE] if len(data) > PARSE_SIZE else data)
                if self._parser.requests:
                    self._backlog = data[start + PARSE_SIZE :]
                    break
        except ServiceError as error:
            self._answer_then_refuse(error)
            return
        if self._held > SMALL_REQUEST and self._shared.held > self._shared.max_held:
            self._answer_then_refuse(ServiceError(503, FULL, retry_after=1))
        elif self._parser.requests:
            self._answer_next()
        else:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        """Set the timeout for the rest of an incomplete request; send "100 Continue" if the client waits for it."""
        self.expires_at = self._began_at + TRANSFER_TIMEOUT * (1 + self._held // MEBIBYTE)
        if self._parser.expects_continue:
            self._parser.expects_continue = False
            self.transport.write(CONTINUE)

    def _release(self) -> None:
        self._shared.held -= self._held
        self._held = 0

    # Answering.

    def _answer_next(self) -> None:
        self._current = self._parser.requests.popleft()
        if self._has_eof:
            self._current.request.deadline.client_left()
        self.expires_at = inf
        self._task = self._shared.loop.create_task(self._answer(self._current))

    async def _answer(self, received: Received) -> None:
        try:
            response = await self._shared.application.respond(received.request)
        except Exception:
            log.exception("a request could not be answered")
            self.transport.abort()
            return
        self._release()
        persistent = received.persistent and not self._shared.is_closing
        self._write(response, persistent, received.request.method == "HEAD", received.is_http10)
        self._task = self._current = None
        if persistent:
            self._continue()
        else:
            self._finish(CLOSE_TIMEOUT)

    def _continue(self) -> None:
        """Go on to the next request after a response, unless the client has yet to read that response."""
        if self.is_writing_paused:
            return
        if self._parser.requests:
            self._answer_next()
            return
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        if self._refusal:
            self._refuse(self._refusal)
        elif self._backlog:
            data, self._backlog = self._backlog, b""
            self._receive(data)
        elif self._has_eof:
            self.transport.close()
        else:
            self.expires_at = monotonic() + (self._shared.keep_alive if self._parser.is_idle else TRANSFER_TIMEOUT)

    def _answer_then_refuse(self, error: ServiceError) -> None:
        """Refuse a request, after answering the valid ones before it."""
        self._refusal = error
        if self._parser.requests:
            self._answer_next()
        else:
            self._refuse(error)

    def _refuse(self, error: ServiceError) -> None:
        """Answer a request with an error before it is complete. The rest of it is read and discarded."""
        self._release()
        response = self._shared.application.refuse(self._parser.partial_request, error)
        self._write(response, persistent=False)
        self._finish(TRANSFER_TIMEOUT)

    def _finish(self, linger: float) -> None:
        """Close once the client closes, or after `linger` seconds.

        If we closed at once, a client that is still sending could get a reset instead of its response.
        """
        self._is_draining, self._drain_left, self._backlog = True, 2 * self._shared.max_body, b""
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        if not self.is_writing_paused:
            self.expires_at = monotonic() + linger
        if self._has_eof or (linger == CLOSE_TIMEOUT and not self.transport.can_write_eof()):
            self.transport.close()
        elif self.transport.can_write_eof():
            self.transport.write_eof()

    def _write(self, response: Response, persistent: bool, is_head: bool = False, is_http10: bool = False) -> None:
        body = response.body
        head = [f"HTTP/1.1 {status_line(response.status)}\r\nDate: {_date(int(time()))}\r\n"]
        if response.content_type:
            head.append(f"Content-Type: {response.content_type}\r\n")
        if response.status != 204:
            head.append(f"Content-Length: {len(body)}\r\n")
        head += [f"{name}: {value}\r\n" for name, value in response.headers]
        if not persistent:
            head.append("Connection: close\r\n")
        elif is_http10:
            head.append("Connection: keep-alive\r\n")
        head.append("\r\n")
        content = "".join(head).encode("latin-1", "replace")
        if is_head or response.status in (204, 304):
            self.transport.write(content)
        elif len(body) <= MAX_COPIED_BODY:
            self.transport.write(content + body)
        else:
            self.transport.writelines((content, body))


@lru_cache(1)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
