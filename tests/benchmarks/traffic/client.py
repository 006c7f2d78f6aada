"""A client that can do whatever bytes and sockets allow, and what a kind of traffic is."""

import asyncio
import random
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic

from tests.benchmarks.serving_mix import Models

# Longer than any answer that is asked for here.
LIMIT = 2**24
# Seconds for an answer, and for all that a kind of traffic does on a connection.
PATIENCE, LASTING = 10.0, 90.0
# What a proxy answers in the place of a service that it has lost.
LOST_BY_PROXY = (502, 503, 504)
OWN = "x-request-id"


class Lost(Exception):
    """A connection ended before its answer was whole. It was still well at `since`, of `time.monotonic`."""

    def __init__(self, since: float, what: str) -> None:
        super().__init__(what)
        self.since = since


class Unexpected(Exception):
    """An answer is not what it should be."""


@dataclass(frozen=True)
class Address:
    """Where something listens, the certificate that it shows (a file) and whether it is a proxy."""

    host: str
    port: int
    certificate: str = ""
    is_proxy: bool = False


@dataclass(frozen=True)
class Target:
    """What traffic is sent to: addresses by name, the models behind them, the largest body, ordinary requests."""

    addresses: Mapping[str, Address]
    models: Models
    max_body: int
    requests: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True)
class Answer:
    """A response; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.headers.get("connection", "").lower() == "close"


class Wire:
    """A connection, which was surely well at `good_at`: before it was opened, or something was sent and answered."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_proxy: bool, good_at: float
    ) -> None:
        self._reader, self._writer, self._is_proxy = reader, writer, is_proxy
        self.good_at = self._sent_at = good_at

    @property
    def has_ended(self) -> bool:
        """Whether the other side has closed it, and all that came was read."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def send(self, content: bytes) -> None:
        """Send bytes; Lost."""
        self._sent_at = monotonic()
        try:
            self._writer.write(content)
            await self._writer.drain()
        except (OSError, ssl.SSLError) as error:
            raise self._lost(error) from None

    async def answer(self, has_body: bool = True, patience: float = PATIENCE) -> Answer:
        """The next answer; Lost, also where a proxy has answered in the place of the service."""
        try:
            async with asyncio.timeout(patience):
                answer = _parsed(await self._reader.readuntil(b"\r\n\r\n"))
                length = int(answer.headers.get("content-length", 0)) if has_body else 0
                body = await self._reader.readexactly(length)
        except TimeoutError:
            raise Unexpected(f"had no answer within {patience:.0f} s") from None
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError) as error:
            raise self._lost(error) from None
        if self._is_proxy and answer.status in LOST_BY_PROXY and OWN not in answer.headers:
            raise self._lost(f"{answer.status} of the proxy")
        self.good_at = self._sent_at
        return Answer(answer.status, answer.headers, body)

    async def ask(self, content: bytes) -> Answer:
        """Send a request and have its answer; Lost."""
        await self.send(content)
        return await self.answer(not content.startswith(b"HEAD "))

    async def some(self, most: int) -> bytes:
        """What comes next; empty at the end."""
        try:
            return await self._reader.read(most)
        except (OSError, ssl.SSLError):
            return b""

    async def rest(self) -> bytes:
        """All that comes until the other side closes or resets."""
        found = b""
        while part := await self.some(2**16):
            found += part
        return found

    def end_sending(self) -> None:
        """Say that nothing more will be sent."""
        if not self._writer.is_closing():
            self._writer.write_eof()

    def reset(self) -> None:
        """End it by force: the other side gets an RST."""
        taken = self._writer.get_extra_info("socket")
        # A connection that the service has closed already may have none left.
        if taken is not None and taken.fileno() >= 0:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def leave(self) -> None:
        """Close without a word, be it TLS's."""
        self._writer.transport.abort()

    def _lost(self, why: object) -> Lost:
        return Lost(self.good_at, str(why) or type(why).__name__)


@dataclass
class Client:
    """Who carries out acts of a kind of traffic, one after the other; `statuses` counts the answers."""

    target: Target
    address: Address
    random: random.Random
    statuses: Counter[int] = field(default_factory=Counter)

    @asynccontextmanager
    async def connected(self, receive_buffer: int = 0, is_secured: bool = True) -> AsyncIterator[Wire]:
        """A connection that ends with the block; over TLS where the address has a certificate."""
        address, began_at = self.address, monotonic()
        taken = socket.socket()
        try:
            taken.setblocking(False)
            if receive_buffer:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await asyncio.get_running_loop().sock_connect(taken, (address.host, address.port))
            context = trusting(address.certificate) if address.certificate and is_secured else None
            reader, writer = await asyncio.open_connection(
                sock=taken, limit=LIMIT if not receive_buffer else 2**12,
                ssl=context, server_hostname=address.host if context else None,
            )  # fmt: skip
        except (OSError, ssl.SSLError) as error:
            taken.close()
            raise Lost(began_at, f"connecting: {error or type(error).__name__}") from None
        except BaseException:
            taken.close()
            raise
        try:
            yield Wire(reader, writer, address.is_proxy, began_at)
        finally:
            writer.transport.abort()

    def check(self, answer: Answer, *allowed: int) -> Answer:
        """Count an answer; Unexpected where its status is none of these."""
        self.statuses[answer.status] += 1
        if answer.status not in allowed:
            wanted = " or ".join(map(str, allowed))
            raise Unexpected(f"answered {answer.status} in the place of {wanted}: {answer.body[:200]!r}")
        return answer


Act = Callable[[Client], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    """A kind of traffic: so many clients at a time that each do `act`, with pauses of about so many seconds.

    `at` names an address of the target. What `may_last` is broken off at the end.
    """

    name: str
    act: Act
    at: str = "plain"
    clients: int = 1
    pause: float = 0.5
    may_last: bool = False


@lru_cache
def trusting(certificate: str) -> ssl.SSLContext:
    """What trusts the certificate in a file."""
    return ssl.create_default_context(cafile=certificate)


def _parsed(head: bytes) -> Answer:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    if not first.startswith("HTTP/1.1 "):
        raise Unexpected(f"answered {first[:50]!r}, which is no answer")
    pairs = (line.partition(":") for line in lines)
    return Answer(int(first[9:12]), {name.lower(): value.strip() for name, _, value in pairs}, b"")
