"""Connections on a socket of their own, to an application that answers as a test defines."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from serving.config import Config
from serving.errors import ServiceError
from serving.http.messages import Request, Response, error_response
from serving.server import tls
from serving.server.connections import Connections
from serving.server.protocol import HttpProtocol
from serving.server.response_writer import TRANSFER_TIMEOUT

MEBIBYTE = 2**20
HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\n"
ASKED = HEAD + b"Content-Length: 2\r\n\r\n{}"
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Application:
    """Answers with the path, or as the test defines."""

    def __init__(self) -> None:
        self.answer: Callable[[Request], Awaitable[Response]] = self._path
        self.seen: list[Request] = []
        self.refused: list[int] = []

    async def _path(self, request: Request) -> Response:
        return Response(request.path.encode())

    async def respond(self, request: Request) -> Response:
        self.seen.append(request)
        return await self.answer(request)

    def refuse(self, request: Request, error: ServiceError) -> Response:
        self.refused.append(error.status)
        return error_response(error)


class World:
    """The connections of a worker, on a socket of their own; over TLS with a certificate and its key."""

    def __init__(
        self, max_body: int = MEBIBYTE, keep_alive: float = 30.0, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.application, self._clients = Application(), list[asyncio.StreamWriter]()
        self.connections = Connections(self.application, asyncio.get_running_loop(), max_body, keep_alive, "")
        self._server_side = self.client_side = None
        if certificate:
            file, key = map(str, certificate)
            self._server_side = tls.create_context(Config(certificate=file, private_key=key))
            self.client_side = ssl.create_default_context(cafile=file)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: HttpProtocol(self.connections, "http"), "127.0.0.1", 0, ssl=self._server_side,
            ssl_shutdown_timeout=TRANSFER_TIMEOUT if self._server_side else None,
        )  # fmt: skip
        self.port = self.server.sockets[0].getsockname()[1]
        self._sweeping = loop.create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            self.connections.sweep()
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._sweeping.cancel()
        for writer in self._clients:
            writer.close()
        self.server.close()
        await self.connections.close(0.1, 0.1)

    async def connect(self, limit: int = 64 * MEBIBYTE) -> Client:
        """Return a client that reads ahead up to about `limit` bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit, ssl=self.client_side)
        self._clients.append(writer)
        return reader, writer

    @contextmanager
    def unread(self) -> Iterator[socket.socket]:
        """A client that reads nothing and has a small receive buffer."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.port))
            yield client


def in_a_world(test: Callable[[World], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def run() -> None:
        world = World(**settings)
        await world.start()
        try:
            async with asyncio.timeout(20):
                await test(world)
        finally:
            await world.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def read(client: Client) -> tuple[int, bytes]:
    """Return status and body of the next response; the status is 0 if the connection was closed."""
    reader, _ = client
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return 0, b""
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def exchange(world: World, content: bytes) -> bytes:
    """Return everything that the service sends until it closes."""
    reader, writer = await world.connect()
    writer.write(content)
    writer.write_eof()
    return await reader.read()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)
