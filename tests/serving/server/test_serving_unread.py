"""Responses that clients read slowly arrive whole, and those that nobody reads are bounded, over TLS too."""

import asyncio
import socket
import time
from pathlib import Path

import pytest
from connection_world import ASKED, MEBIBYTE, World, in_a_world, read, until

from serving.http.messages import Request, Response
from serving.server import connections as all_of_them
from serving.server import protocol, response_writer

# More than the kernel takes for a client that does not read, however much room it has found for others.
LONG, ENDLESS = 8 * MEBIBYTE, 24 * MEBIBYTE
CLOSING = ASKED.replace(b"Host: x", b"Host: x\r\nConnection: close")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeouts, so that reading takes longer than all but that for reading."""
    for module in (protocol, response_writer):
        monkeypatch.setattr(module, "TRANSFER_TIMEOUT", 1.0)
    monkeypatch.setattr(protocol, "CLOSE_TIMEOUT", 0.3)
    monkeypatch.setattr(all_of_them, "IDLE_TIMEOUT", 0.1)


@pytest.fixture(params=["plain", "TLS"])
def secured(request: pytest.FixtureRequest, certificate: tuple[Path, Path]) -> tuple[Path, Path] | None:
    return certificate if request.param == "TLS" else None


async def long(request: Request) -> Response:
    return Response(b"x" * LONG)


async def endless(request: Request) -> Response:
    return Response(b"x" * ENDLESS)


def read_slowly(world: World, asked: bytes) -> int:
    """Return how many bytes of a body arrived; nothing is read at first, for longer than a connection may be idle."""
    connection = socket.create_connection(("127.0.0.1", world.port), timeout=20)
    if world.client_side:
        connection = world.client_side.wrap_socket(connection, server_hostname="127.0.0.1")
    with connection:
        connection.sendall(asked)
        time.sleep(1.0)
        received = b""
        while len(received) < LONG and (part := connection.recv(2**17)):
            received += part
            time.sleep(len(part) / 2**23)
        while len(received.partition(b"\r\n\r\n")[2]) < LONG and (part := connection.recv(2**17)):
            received += part
    return len(received.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("way", ["is kept", "is to be closed", "is of a worker that ends"])
def test_what_is_read_slowly_arrives_whole_if_the_connection(secured: tuple[Path, Path] | None, way: str) -> None:
    async def test(world: World) -> None:
        world.application.answer = long
        client = asyncio.create_task(
            asyncio.to_thread(read_slowly, world, CLOSING if way == "is to be closed" else ASKED)
        )
        await until(lambda: len(world.application.seen) == 1)
        ending = asyncio.create_task(world.connections.close(20, 0.1)) if way == "is of a worker that ends" else None
        assert await client == LONG
        assert ending is None or await ending

    in_a_world(test, keep_alive=0.5, certificate=secured)


def test_those_that_are_not_read_are_bounded(
    secured: tuple[Path, Path] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_of_them, "MAX_UNSENT", 3 * ENDLESS)

    async def test(world: World) -> None:
        world.application.answer = endless
        for _ in range(6):
            (await world.connect(limit=2**10))[1].write(ASKED)
        await until(lambda: len(world.application.seen) == 6)
        await until(lambda: len(world.connections) <= 4)
        await asyncio.sleep(0.1)
        assert len(world.connections) >= 2
        world.application.answer = world.application._path
        other = await world.connect()
        other[1].write(ASKED)
        assert await read(other) == (200, b"/a")

    in_a_world(test, certificate=secured)


def test_one_that_is_never_read_is_given_up(secured: tuple[Path, Path] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_writer, "TRANSFER_TIMEOUT", 0.05)

    async def test(world: World) -> None:
        world.application.answer = endless
        (await world.connect(limit=2**10))[1].write(ASKED * 3)
        await until(lambda: len(world.application.seen) == 1)
        await until(lambda: len(world.connections) == 0)
        assert len(world.application.seen) == 1
        assert world.connections.held == 0

    in_a_world(test, certificate=secured)
