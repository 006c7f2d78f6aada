"""An HTTP connection: parses requests, passes them to the application one at a time, and writes its responses."""

import asyncio
import logging
from collections.abc import Awaitable
from math import inf
from time import monotonic
from typing import Protocol, cast

from serving.config import MEBIBYTE
from serving.errors import ServiceError
from serving.http.messages import Request, Response
from serving.server.request_parser import Received, RequestParser
from serving.server.response_writer import TRANSFER_TIMEOUT, ResponseWriter

# Bytes parsed at a time before checking whether a request is complete: as many may hold further requests, which take
# more memory than their bytes. And bytes that may wait while a request is answered.
PARSE_SIZE, MAX_BACKLOG = 2**13, 2**16
# Seconds for a client to close the connection after a response with "Connection: close".
CLOSE_TIMEOUT = 2.0
# A request of at most this many bytes is never refused because of the memory that other clients use.
SMALL_REQUEST = 2**16
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
    answered: int
    # Bytes of requests not answered yet, over all connections, and their limit.
    held: int
    max_held: int

    def make_room_for_bodies(self, connection: "HttpProtocol", /) -> bool: ...

    def add(self, connection: "HttpProtocol", /) -> None: ...

    def remove(self, connection: "HttpProtocol", /) -> None: ...


class HttpProtocol(asyncio.Protocol):
    """The connection of one client. It bounds the memory and the time that a client can use, whatever it sends.

    The worker calls `expire` after `expires_at`, a time of `time.monotonic`.
    """

    def __init__(self, shared: ConnectionContext, scheme: str, refusal: ServiceError | None = None) -> None:
        self._shared, self._scheme, self._refusal = shared, scheme, refusal
        self.transport: asyncio.Transport
        self.writer: ResponseWriter
        self._parser: RequestParser
        self._task: asyncio.Task[None] | None = None
        self._current: Received | None = None
        self._backlog = b""
        # Bytes of requests without an answer, and since when the latest of them has been awaited.
        self.held = 0
        self.began_at = monotonic()
        self._is_draining = self._has_eof = self._is_reading_paused = False
        self._drain_left, self._linger = 0, 0.0
        self.expires_at = inf

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is answered on this connection, and all that was answered is on its way."""
        return (self._is_draining or self.transport.is_closing()) and not self.writer.is_paused

    @property
    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self._parser.is_idle and self._task is None and not self._is_draining and not self.writer.is_paused

    @property
    def is_receiving(self) -> bool:
        """Whether a request has been received in part."""
        return self._task is None and not self._is_draining and not self._parser.is_idle and not self.writer.is_paused

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        client = peer[0] if isinstance(peer, tuple) else ""
        self._parser = RequestParser(self._shared.max_body, self._scheme, client, self._shared.root_path)
        self.expires_at = monotonic() + TRANSFER_TIMEOUT
        self.writer = ResponseWriter(self.transport)
        self._shared.add(self)
        self.writer.start()
        if self._refusal:
            self.refuse(self._refusal)

    def data_received(self, data: bytes) -> None:
        if self._is_draining:
            self._drain_left -= len(data)
            if self._drain_left < 0:
                self.transport.abort()
        elif self._task or self.writer.is_paused:
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
        return bool(self._task or self.writer.is_paused) and self.transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._release()
        self._shared.remove(self)
        if self._task:
            self._task.cancel()

    def pause_writing(self) -> None:
        self.writer.pause()
        self.expires_at = self.writer.expires_at

    def resume_writing(self) -> None:
        if self.writer.resume():
            if self._is_draining:
                self._close()
            elif not self._task:
                self._continue()

    # Called by the worker.

    def expire(self) -> None:
        """End the connection at its timeout: an incomplete request is answered with 408."""
        if self.is_receiving:
            self.refuse(ServiceError(408, SLOW))
        elif self.is_idle and not self.transport.is_closing():
            self._close()
        else:
            self.transport.abort()

    def close_soon(self, expires_at: float) -> None:
        """Close at `expires_at` if the connection is idle; a request that arrives earlier is still answered."""
        if self.is_idle:
            self.expires_at = min(self.expires_at, expires_at)
        elif self.is_ending or self.is_receiving:
            self.expires_at = min(self.expires_at, monotonic() + CLOSE_TIMEOUT)

    def refuse(self, error: ServiceError) -> None:
        """Answer a request with an error before it is complete. The rest of it is read and discarded."""
        self._release()
        response = self._shared.application.refuse(self._parser.partial_request, error)
        self.writer.write(response, persistent=False)
        self._finish(TRANSFER_TIMEOUT)

    # Receiving.

    def _receive(self, data: bytes) -> None:
        """Parse received bytes up to the end of a request; the bytes after it wait in the backlog."""
        if self._parser.is_idle:
            self.began_at = monotonic()
        self.held += len(data)
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
        if self._parser.requests:
            self._answer_next()
        elif self._is_too_much():
            self.refuse(ServiceError(503, FULL, retry_after=1))
        else:
            self._wait_for_more()

    def _is_too_much(self) -> bool:
        """Whether there is no room for this request beside all others that are being received or answered."""
        is_full = self.held > SMALL_REQUEST and self._shared.held > self._shared.max_held
        return is_full and not self._shared.make_room_for_bodies(self)

    def _wait_for_more(self) -> None:
        """Set the timeout for the rest of an incomplete request; send "100 Continue" if the client waits for it."""
        silence = CLOSE_TIMEOUT if self._shared.is_closing else TRANSFER_TIMEOUT
        transfer = TRANSFER_TIMEOUT * (1 + self.held // MEBIBYTE)
        self.expires_at = min(self.began_at + transfer, monotonic() + silence)
        if self._parser.expects_continue:
            self._parser.expects_continue = False
            self.transport.write(CONTINUE)

    def _release(self) -> None:
        self._shared.held -= self.held
        self.held = 0

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
        self._shared.answered += 1
        persistent = received.persistent and not self._shared.is_closing
        self.writer.write(response, persistent, received.request.method == "HEAD", received.is_http10)
        self._task = self._current = None
        if persistent:
            self._continue()
        else:
            self._finish(CLOSE_TIMEOUT)

    def _continue(self) -> None:
        """Go on to the next request after a response, unless the client has yet to read that response."""
        if self.writer.is_paused:
            return
        if self._parser.requests:
            self._answer_next()
            return
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        # The time of the next request begins now, whenever its first bytes came.
        self.began_at = monotonic()
        if self._refusal:
            self.refuse(self._refusal)
        elif self._backlog:
            data, self._backlog = self._backlog, b""
            self._receive(data)
        elif self._has_eof:
            self._close()
        elif self._parser.is_idle:
            self.expires_at = monotonic() + self._shared.keep_alive
        else:
            self._wait_for_more()

    def _answer_then_refuse(self, error: ServiceError) -> None:
        """Refuse a request, after answering the valid ones before it."""
        self._refusal = error
        if self._parser.requests:
            self._answer_next()
        else:
            self.refuse(error)

    def _finish(self, linger: float) -> None:
        """Close once the client does, or `linger` seconds after it has read the response.

        If we closed at once, a client that is still sending could get a reset instead of its response.
        """
        self._is_draining, self._drain_left, self._backlog = True, 2 * self._shared.max_body, b""
        self._linger = CLOSE_TIMEOUT if self._shared.is_closing else linger
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        if not self.writer.is_paused:
            self._close()

    def _close(self) -> None:
        """Close, now that all responses have been passed on; this also sends what TLS still has of them."""
        self.expires_at = monotonic() + self._linger
        if self._is_draining and not self._has_eof:
            if self.transport.can_write_eof():
                self.transport.write_eof()
                return
            if self._linger > CLOSE_TIMEOUT:
                # Over TLS a client that is still sending can be waited for, but not be told that this is the end.
                return
        self.transport.close()
        is_short = self._shared.is_closing and not self.writer.is_long
        self.expires_at = monotonic() + (CLOSE_TIMEOUT if is_short else TRANSFER_TIMEOUT)
