"""A connection: bytes to requests, one at a time to the application, and its responses to bytes."""

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

# Bytes that are parsed before it is looked whether they held a whole request; and that may wait behind one.
SLICE, BACKLOG = 2**16, 2**16
# Seconds that a request may take to come, or an answer to be read; each mebibyte of it gives as many again.
PATIENCE = 30.0
# Seconds after an answer in which a client that has been told so closes the connection.
LINGER = 2.0
# A client that has sent no more than this is never refused for what others have sent.
SMALL = 2**16
# An answer of up to so many bytes is copied behind its head, so that one system call sends both.
COPIED = 2**16
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FULL = "too many large bodies are being received: ask again in a moment"
SLOW = f"the request did not come within {PATIENCE:.0f} seconds a mebibyte: send it again"

log = logging.getLogger(__name__)


class Application(Protocol):
    """What answers requests."""

    def respond(self, request: Request) -> Awaitable[Response]: ...

    def refuse(self, request: Request, error: ServiceError) -> Response: ...


class Surroundings(Protocol):
    """What a connection has in common with the others of its worker."""

    application: Application
    loop: asyncio.AbstractEventLoop
    max_body: int
    root_path: str
    keep_alive: float
    is_closing: bool
    # Bytes of requests that have no answer yet, of all connections, and how many they may be.
    held: int
    max_held: int

    def add(self, connection: "HttpProtocol", /) -> None: ...

    def remove(self, connection: "HttpProtocol", /) -> None: ...


class HttpProtocol(asyncio.Protocol):
    """One client. Whatever it sends or does not send, what is held for it and how long is bounded.

    After `expires_at` (of `time.monotonic`) it is to be told to `expire`.
    """

    def __init__(self, others: Surroundings, scheme: str, refusal: ServiceError | None = None) -> None:
        self._others, self._scheme, self._refusal = others, scheme, refusal
        self.transport: asyncio.Transport
        self._parser: RequestParser
        self._task: asyncio.Task[None] | None = None
        self._current: Received | None = None
        self._backlog = b""
        self._held = 0
        self._began_at = monotonic()
        self._is_draining = self._has_ended = self._is_reading_paused = False
        self._drain_left = 0
        self.is_writing_paused = False
        self.expires_at = inf

    @property
    def is_idle(self) -> bool:
        """Whether nothing has been asked that is not answered, nor is being asked."""
        return self._task is None and not self._is_draining and self._parser.is_idle and not self.is_writing_paused

    @property
    def is_receiving(self) -> bool:
        """Whether a request is on its way that has not come as a whole."""
        return self._task is None and not self._is_draining and not self._parser.is_idle

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        client = peer[0] if isinstance(peer, tuple) else ""
        self._parser = RequestParser(self._others.max_body, self._scheme, client, self._others.root_path)
        self.expires_at = monotonic() + PATIENCE
        self._others.add(self)
        if self._refusal:
            self._refuse(self._refusal)

    def data_received(self, data: bytes) -> None:
        if self._is_draining:
            self._drain_left -= len(data)
            if self._drain_left < 0:
                self.transport.abort()
        elif self._task or self.is_writing_paused:
            self._backlog += data
            if len(self._backlog) > BACKLOG:
                self._is_reading_paused = True
                self.transport.pause_reading()
        else:
            self._receive(data)

    def eof_received(self) -> bool:
        self._has_ended = True
        if self._current:
            self._current.request.deadline.client_left()
        # What was asked before is answered; over TLS nothing can be sent any longer.
        return bool(self._task or self.is_writing_paused) and self.transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._release()
        self._others.remove(self)
        if self._task:
            self._task.cancel()

    def pause_writing(self) -> None:
        self.is_writing_paused = True
        self.expires_at = monotonic() + PATIENCE * (1 + self.transport.get_write_buffer_size() // MEBIBYTE)

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        if self._is_draining:
            self.expires_at = monotonic() + LINGER
        elif not self._task:
            self._go_on()

    # What the worker calls.

    def expire(self) -> None:
        """Its time is over: a request that has not come is told so, everything else ends without a word."""
        if self.is_receiving and not self.is_writing_paused:
            self._refuse(ServiceError(408, SLOW))
        else:
            self.transport.abort()

    def close_soon(self, expires_at: float) -> None:
        """Close at that time if nothing is asked by then; a request that comes before is still answered."""
        if self.is_idle:
            self.expires_at = min(self.expires_at, expires_at)

    # Receiving.

    def _receive(self, data: bytes) -> None:
        """Parse what came, up to the end of a request: what is behind it waits."""
        if self._parser.is_idle:
            self._began_at = monotonic()
        self._held += len(data)
        self._others.held += len(data)
        try:
            for start in range(0, len(data), SLICE):
                self._parser.feed(data[start : start + SLICE] if len(data) > SLICE else data)
                if self._parser.requests:
                    self._backlog = data[start + SLICE :]
                    break
        except ServiceError as error:
            self._answer_then_refuse(error)
            return
        if self._held > SMALL and self._others.held > self._others.max_held:
            self._answer_then_refuse(ServiceError(503, FULL, retry_after=1))
        elif self._parser.requests:
            self._answer_next()
        else:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        """A request has not come as a whole: hold what has come, for a while."""
        self.expires_at = self._began_at + PATIENCE * (1 + self._held // MEBIBYTE)
        if self._parser.expects_continue:
            self._parser.expects_continue = False
            self.transport.write(CONTINUE)

    def _release(self) -> None:
        self._others.held -= self._held
        self._held = 0

    # Answering.

    def _answer_next(self) -> None:
        self._current = self._parser.requests.popleft()
        if self._has_ended:
            self._current.request.deadline.client_left()
        self.expires_at = inf
        self._task = self._others.loop.create_task(self._answer(self._current))

    async def _answer(self, received: Received) -> None:
        try:
            response = await self._others.application.respond(received.request)
        except Exception:
            log.exception("a request could not be answered")
            self.transport.abort()
            return
        self._release()
        stays = received.stays and not self._others.is_closing
        self._write(response, stays, received.request.method == "HEAD", received.is_old)
        self._task = self._current = None
        if stays:
            self._go_on()
        else:
            self._finish(LINGER)

    def _go_on(self) -> None:
        """After an answer: to the next request, if one has come, once this answer is on its way."""
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
        elif self._has_ended:
            self.transport.close()
        else:
            self.expires_at = monotonic() + (self._others.keep_alive if self._parser.is_idle else PATIENCE)

    def _answer_then_refuse(self, error: ServiceError) -> None:
        """Requests that came before what cannot be read are answered first."""
        self._refusal = error
        if self._parser.requests:
            self._answer_next()
        else:
            self._refuse(error)

    def _refuse(self, error: ServiceError) -> None:
        """Answer a request that is not received any further. What still comes of it is read, and thrown away."""
        self._release()
        response = self._others.application.refuse(self._parser.stub, error)
        self._write(response, stays=False)
        self._finish(PATIENCE)

    def _finish(self, linger: float) -> None:
        """Close once the client does: one that is still sending would not see its answer otherwise."""
        self._is_draining, self._drain_left, self._backlog = True, 2 * self._others.max_body, b""
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        if not self.is_writing_paused:
            self.expires_at = monotonic() + linger
        if self._has_ended or (linger == LINGER and not self.transport.can_write_eof()):
            self.transport.close()
        elif self.transport.can_write_eof():
            self.transport.write_eof()

    def _write(self, response: Response, stays: bool, is_head: bool = False, is_old: bool = False) -> None:
        body = response.body
        head = [f"HTTP/1.1 {status_line(response.status)}\r\nDate: {_date(int(time()))}\r\n"]
        if response.content_type:
            head.append(f"Content-Type: {response.content_type}\r\n")
        if response.status != 204:
            head.append(f"Content-Length: {len(body)}\r\n")
        head += [f"{name}: {value}\r\n" for name, value in response.headers]
        if not stays:
            head.append("Connection: close\r\n")
        elif is_old:
            head.append("Connection: keep-alive\r\n")
        head.append("\r\n")
        content = "".join(head).encode("latin-1", "replace")
        if is_head or response.status in (204, 304):
            self.transport.write(content)
        elif len(body) <= COPIED:
            self.transport.write(content + body)
        else:
            self.transport.writelines((content, body))


@lru_cache(1)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
