"""Requests at a rate of their own, whether or not those before were answered, as people send them.

Latencies count from when a request was due: one that had to wait for its turn has waited too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from urllib.parse import urlsplit

import numpy as np

# Seconds that an unused connection is kept, less than a server keeps it; and that the last answers are waited for.
UNUSED, PATIENCE = 10.0, 60.0
LENGTH = b"content-length:"


@dataclass(frozen=True)
class Outcomes:
    """Of each request: which one it was, when it was due (s), seconds until it was sent and until its answer was there.

    Its status is 0 where the connection broke or no answer came. All `begun` then, of `time.monotonic`.
    """

    which: np.ndarray
    due: np.ndarray
    late: np.ndarray
    seconds: np.ndarray
    status: np.ndarray
    begun: float = 0.0

    def tail(self, chosen: np.ndarray | None = None) -> float:
        """Milliseconds within which 99 of 100 (of those chosen) were answered."""
        seconds = self.seconds if chosen is None else self.seconds[chosen]
        return 1000 * float(np.percentile(seconds, 99)) if len(seconds) else float("nan")


def request(path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole HTTP request: POST, or GET where there is no body."""
    named = {"Host": "service", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def offer(url: str, requests: Sequence[bytes], rate: float, seconds: float, seed: int = 0) -> Outcomes:
    """Send so many of these whole HTTP requests a second, drawn at random, at random moments (a Poisson process)."""
    generator = np.random.default_rng(seed)
    due = np.cumsum(generator.exponential(1 / rate, int(1.2 * rate * seconds) + 100))
    due = due[due < seconds]
    load = _Load(url, requests, generator.integers(0, len(requests), len(due)), due)
    return asyncio.run(load.run())


class _Load:
    """The requests that were sent, and connections on which none is under way."""

    def __init__(self, url: str, requests: Sequence[bytes], which: np.ndarray, due: np.ndarray) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        self._requests = requests
        count = len(due)
        self._outcomes = Outcomes(which, due, np.zeros(count), np.full(count, np.inf), np.zeros(count, np.int16))
        self._idle: list[_Connection] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._left = count
        self._all_done = asyncio.Event()

    async def run(self) -> Outcomes:
        """Send them all, and wait for what is still on its way."""
        begun = monotonic()
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        for number, due in enumerate(self._outcomes.due.tolist()):
            await asyncio.sleep(max(0.0, self._start + due - self._clock()))
            self._send(number)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_done.wait(), PATIENCE)
        for connection in self._idle:
            connection.transport.close()
        return replace(self._outcomes, begun=begun)

    def _send(self, number: int) -> None:
        while self._idle:
            connection = self._idle.pop()
            if self._clock() - connection.used < UNUSED and not connection.transport.is_closing():
                self._ask(connection, number)
                return
            connection.transport.close()
        task = asyncio.ensure_future(self._connect(number))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        except OSError:
            self.done(number, 0)
            return
        self._ask(connection, number)

    def _ask(self, connection: "_Connection", number: int) -> None:
        self._outcomes.late[number] = self._clock() - self._start - self._outcomes.due[number]
        connection.ask(number, self._requests[self._outcomes.which[number]])

    def done(self, number: int, status: int, connection: "_Connection | None" = None) -> None:
        """A request was answered, or never will be; its connection is free where one is given."""
        now = self._clock()
        self._outcomes.status[number] = status
        self._outcomes.seconds[number] = now - self._start - self._outcomes.due[number]
        if connection:
            connection.used = now
            self._idle.append(connection)
        self._left -= 1
        if not self._left:
            self._all_done.set()


class _Connection(asyncio.Protocol):
    """One connection, on which one request at a time is under way."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._number: int | None = None
        self._received = b""
        self.used = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, number: int, request: bytes) -> None:
        """Send a request."""
        self._number, self._received = number, b""
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._number is None:
            return
        head = head.lower()
        if len(body) < int(head.partition(LENGTH)[2].split(b"\r\n")[0]):
            return
        number, self._number = self._number, None
        self._load.done(number, int(head[9:12]), None if b"connection: close" in head else self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._number is not None:
            self._load.done(self._number, 0)
