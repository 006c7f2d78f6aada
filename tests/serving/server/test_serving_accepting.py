"""Only workers that can answer accept connections, and every accepted request is answered."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from serving.errors import ServiceError
from serving.http.messages import Request, Response, error_response
from serving.server import shared_state
from serving.server.connections import Connections
from serving.server.listener import Listener
from serving.server.shared_state import Slot

ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OURS, ANOTHER = Slot(1), Slot(2)


class Application:
    """An application that answers and counts requests."""

    def __init__(self) -> None:
        self.answers = 0

    async def respond(self, request: Request) -> Response:
        self.answers += 1
        return Response(b"{}")

    def refuse(self, request: Request, error: ServiceError) -> Response:
        return error_response(error)


class World:
    """The listener of a worker whose models are loaded."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.application = Application()
        self.connections = Connections(self.application, asyncio.get_running_loop(), 1000, 30.0, "")
        self.listener = Listener(self._socket, self.connections, OURS, 100)
        self.listener.is_loaded = True
        self._address = self._socket.getsockname()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._address)

    async def ask(self) -> bytes:
        """Return the status line; empty if the connection ends without one."""
        reader, writer = await self.connect()
        writer.write(ASKED)
        found = await reader.readline()
        writer.close()
        return found

    async def stop(self) -> None:
        self.listener.stop()
        await self.connections.close(0.1, 0.1)
        self._socket.close()


def in_a_world(test: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        world = World()
        try:
            async with asyncio.timeout(20):
                await test(world)
        finally:
            await world.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.fixture(autouse=True)
def slots() -> Iterator[None]:
    yield
    for slot in (OURS, ANOTHER):
        slot.clear()


def test_a_neighbour_with_fewer_connections_goes_first_but_nobody_waits_for_one_that_takes_none() -> None:
    async def test(world: World) -> None:
        world.listener.start()
        kept = [await world.connect() for _ in range(4)]
        while len(world.connections) < len(kept):
            await asyncio.sleep(0.01)
        ANOTHER.count(0)  # the worker has room, but is stopped or busy
        begun = asyncio.get_running_loop().time()
        assert b" 200 " in await world.ask()
        assert 0.005 < asyncio.get_running_loop().time() - begun < 1
        for _, writer in kept:
            writer.close()

    in_a_world(test)


@pytest.mark.parametrize("is_ending", [False, True])
def test_only_those_that_take_connections_tell_how_many_they_have(is_ending: bool) -> None:
    async def test(world: World) -> None:
        world.listener.is_loaded = is_ending
        ANOTHER.note_loaded()
        ANOTHER.count(7)
        world.listener.start()
        if is_ending:
            world.listener.count()
            assert OURS.fewest() == 0
            world.listener.stop()
            OURS.clear()
        world.listener.count()
        assert OURS.fewest() == 7

    in_a_world(test)


def test_what_was_taken_before_the_end_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        asking = [asyncio.create_task(world.ask()) for _ in range(20)]
        await asyncio.sleep(0.1)  # the kernel has accepted them all
        monkeypatch.setattr(shared_state, "is_ending", lambda: True)
        world.listener.start()
        world.listener.stop()
        assert await world.connections.close(5, 1.0)
        assert world.application.answers == len(asking)
        assert all(b" 200 " in found for found in await asyncio.gather(*asking))

    in_a_world(test)
