"""Who is let go when there is no room for more: connections, and large bodies that are on their way."""

import asyncio
import socket
from contextlib import ExitStack

import pytest
from connection_world import ASKED, HEAD, MEBIBYTE, World, exchange, in_a_world, read, until

from serving.http.messages import Request, Response
from serving.server import connections as all_of_them
from serving.server import protocol, response_writer

LARGE = HEAD + b"Content-Length: %d\r\n\r\n" % MEBIBYTE


@pytest.fixture(autouse=True)
def anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections may be closed however young they are."""
    monkeypatch.setattr(all_of_them, "MIN_AGE", 0.0)


def test_connections_that_are_ending_or_unread_make_room_too() -> None:
    async def test(world: World) -> None:
        async def long(request: Request) -> Response:
            return Response(bytes(24 * MEBIBYTE))

        refused, kept = await world.connect(), await world.connect()
        refused[1].write(b"x\r\n\r\n")
        assert (await read(refused))[0] == 400
        kept[1].write(ASKED)
        assert (await read(kept))[0] == 200
        world.application.answer = long
        with world.unread() as unread:
            unread.sendall(ASKED)
            await until(lambda: len(world.application.seen) == 2)
            await asyncio.sleep(0.05)
            for left in (2, 1, 0):
                assert world.connections.make_room()
                await until(lambda left=left: len(world.connections) == left)
                assert not (left == 2 and kept[0].at_eof())
            assert not world.connections.make_room()

    in_a_world(test)


def test_a_handshake_that_does_not_begin_makes_room() -> None:
    async def test(world: World) -> None:
        opening = asyncio.create_task(asyncio.sleep(30))
        world.connections.opening[opening] = 0.0
        assert world.connections.make_room()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert not world.connections.make_room()

    in_a_world(test)


def test_a_whole_request_has_one_answer_however_full_it_is() -> None:
    async def test(world: World) -> None:
        world.connections.max_held = 2 * MEBIBYTE
        stalled = [await world.connect() for _ in range(2)]
        for _, writer in stalled:
            writer.write(LARGE + bytes(MEBIBYTE - 1000))
        await until(lambda: world.connections.held >= 2 * MEBIBYTE - 2000)
        # Its last bytes make it whole, at the same time as they make it too much.
        answers = await exchange(world, HEAD + b"Content-Length: 100000\r\n\r\n" + bytes(100_000))
        assert answers.count(b"HTTP/1.1 ") == 1

    in_a_world(test)


def test_large_bodies_that_do_not_come_give_their_room_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_of_them, "MIN_TRANSFER", 1.0)

    async def test(world: World) -> None:
        clients = [await world.connect() for _ in range(all_of_them.MAX_BODIES)]
        for _, writer in clients:
            writer.write(LARGE + bytes(MEBIBYTE - 1000))
        await until(lambda: world.connections.held >= all_of_them.MAX_BODIES * (MEBIBYTE - 1000))
        early, late = await world.connect(), await world.connect()
        early[1].write(LARGE + bytes(MEBIBYTE // 2))
        assert (await read(early))[0] == 503
        await asyncio.sleep(1.1)
        late[1].write(LARGE + bytes(MEBIBYTE - 1))
        assert (await read(clients[0]))[0] == 503
        late[1].write(b"x")
        assert await read(late) == (200, b"/a")

    in_a_world(test)


def test_a_body_of_which_nothing_comes_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (protocol, response_writer):
        monkeypatch.setattr(module, "TRANSFER_TIMEOUT", 0.2)

    async def test(world: World) -> None:
        client = await world.connect()
        client[1].write(HEAD + b"Content-Length: %d\r\n\r\n" % (32 * MEBIBYTE) + bytes(31 * MEBIBYTE))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert (await read(client))[0] == 408
        assert loop.time() - begun < 3

    in_a_world(test, max_body=32 * MEBIBYTE)


def test_a_request_behind_another_has_its_own_time_and_is_told_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "TRANSFER_TIMEOUT", 0.6)

    async def test(world: World) -> None:
        async def slow(request: Request) -> Response:
            await asyncio.sleep(0.5)
            return Response(b"")

        world.application.answer = slow
        client = await world.connect()
        client[1].write(ASKED + HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await read(client))[0] == 200
        assert await client[0].readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await asyncio.sleep(0.4)
        client[1].write(b"{}")
        assert (await read(client))[0] == 200

    in_a_world(test)


def test_many_small_requests_behind_each_other_are_not_read_far_ahead() -> None:
    async def test(world: World) -> None:
        released = asyncio.Event()

        async def wait(request: Request) -> Response:
            await released.wait()
            return Response(b"")

        world.application.answer = wait
        client = await world.connect()
        client[1].write(b"GET / HTTP/1.1\r\nHost:\r\n\r\n" * 2000)
        await until(lambda: len(world.application.seen) == 1)
        (connection,) = world.connections._all
        assert len(connection._parser.requests) <= protocol.PARSE_SIZE // 25
        released.set()
        for _ in range(2000):
            assert (await read(client))[0] == 200

    in_a_world(test)


@pytest.mark.parametrize("first", [b"", b"\x16"])
def test_a_worker_that_ends_does_not_wait_for_who_sends_nothing_more(first: bytes) -> None:
    async def test(world: World) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(("127.0.0.1", world.port))) for _ in range(3)]
            clients[0].sendall(b"x\r\n\r\n")
            clients[1].sendall(LARGE + first)
            loop = asyncio.get_running_loop()
            await until(lambda: len(world.connections) == 3)
            await until(lambda: world.connections.held > 0)
            begun = loop.time()
            assert await world.connections.close(20, 1.0)
            assert loop.time() - begun < 2 * protocol.CLOSE_TIMEOUT + 1

    in_a_world(test)
