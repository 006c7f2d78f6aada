"""Limits on what one client may hold and for how long, with an application that the test defines."""

import asyncio
import socket
import struct
from contextlib import suppress

import pytest
from connection_world import ASKED, HEAD, MEBIBYTE, World, exchange, in_a_world, read, until

from serving.errors import ServiceError
from serving.http.messages import Request, Response
from serving.server import connections as all_of_them
from serving.server import protocol, response_writer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeouts to tenths of seconds."""
    transfer = protocol.TRANSFER_TIMEOUT / 100
    for module in (protocol, response_writer):
        monkeypatch.setattr(module, "TRANSFER_TIMEOUT", transfer)
    monkeypatch.setattr(protocol, "CLOSE_TIMEOUT", protocol.CLOSE_TIMEOUT / 100)
    monkeypatch.setattr(all_of_them, "IDLE_TIMEOUT", 0.1)


def test_requests_are_answered_in_order_one_at_a_time() -> None:
    running = 0

    async def slow(request: Request) -> Response:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.01)
        running -= 1
        return Response(request.path.encode())

    async def test(world: World) -> None:
        world.application.answer = slow
        client = await world.connect()
        client[1].write(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(20)))
        assert [await read(client) for _ in range(20)] == [(200, b"/%d" % number) for number in range(20)]

    in_a_world(test)


def test_one_answer_each_and_one_for_what_is_broken_after_them() -> None:
    async def test(world: World) -> None:
        for content, statuses in (
            (ASKED * 3 + b"nonsense\r\n\r\n", [200, 200, 200, 400]),
            (ASKED + HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n" + ASKED, [200, 400]),
            (HEAD + b"Content-Length: %d\r\n\r\n" % (2 * MEBIBYTE) + ASKED * 9, [413]),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", [400]),
            (HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n" + ASKED, [200]),
        ):
            found = await exchange(world, content)
            assert [int(part[:3]) for part in found.split(b"HTTP/1.1 ")[1:]] == statuses, content[:80]

    in_a_world(test)


def test_the_version_the_length_and_the_connection_are_told() -> None:
    async def test(world: World) -> None:
        for content, there, not_there in (
            (b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", b"Content-Length: 2", b"\r\n\r\n/a"),
            (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"Connection: keep-alive", b"close"),
            (b"GET / HTTP/1.0\r\n\r\n", b"Connection: close", b"keep-alive"),
            (b"GET / HTTP/1.8\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nDate: ", b"Connection"),
        ):
            found = await exchange(world, content)
            assert there in found
            assert not_there not in found

    in_a_world(test)


def test_who_does_not_send_or_does_not_ask_is_told_or_left() -> None:
    async def test(world: World) -> None:
        silent, half, crawling, kept = [await world.connect() for _ in range(4)]
        half[1].write(HEAD)
        kept[1].write(ASKED)
        assert await read(kept) == (200, b"/a")

        async def crawl() -> None:
            with suppress(ConnectionError):
                for byte in ASKED[:-1]:
                    crawling[1].write(bytes([byte]))
                    await asyncio.sleep(0.02)

        slow = asyncio.create_task(crawl())
        assert await read(silent) == (0, b"")
        assert [(await read(client))[0] for client in (half, crawling)] == [408, 408]
        assert await read(kept) == (0, b"")
        slow.cancel()
        await until(lambda: len(world.connections) == 0)
        assert world.connections.held == 0

    in_a_world(test, keep_alive=0.3)


def test_a_body_may_come_slowly_if_it_comes() -> None:
    async def test(world: World) -> None:
        client = await world.connect()
        body = bytes(4 * MEBIBYTE)
        client[1].write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), MEBIBYTE // 2):
            client[1].write(body[start : start + MEBIBYTE // 2])
            await asyncio.sleep(0.1)
        assert (await read(client))[0] == 200
        assert world.application.seen[0].body == body

    in_a_world(test, max_body=8 * MEBIBYTE)


def test_who_does_not_read_is_left_and_keeps_nobody_waiting() -> None:
    async def test(world: World) -> None:
        async def long(request: Request) -> Response:
            return Response(bytes(4 * MEBIBYTE))

        world.application.answer = long
        with world.unread() as first, world.unread() as second:
            for client in (first, second):
                client.sendall(ASKED * 50)
            await until(lambda: len(world.application.seen) == 2)
            await asyncio.sleep(0.1)
            # No more requests of a client are computed until it has read the responses.
            assert len(world.application.seen) == 2
            world.application.answer = world.application._path
            other = await world.connect()
            other[1].write(ASKED)
            assert await read(other) == (200, b"/a")
            await until(lambda: len(world.connections) == 1)

    in_a_world(test)


def test_no_more_waits_to_be_read_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_of_them, "MAX_UNSENT", 32 * MEBIBYTE)
    monkeypatch.setattr(protocol, "TRANSFER_TIMEOUT", 30)

    async def test(world: World) -> None:
        async def long(request: Request) -> Response:
            return Response(bytes(16 * MEBIBYTE))

        world.application.answer = long
        with world.unread() as a, world.unread() as b, world.unread() as c, world.unread() as d, world.unread() as e:
            for client in (a, b, c, d, e):
                client.sendall(ASKED)
            await until(lambda: len(world.application.seen) == 5)
            await until(lambda: len(world.connections) <= 4)

    in_a_world(test)


def test_no_more_is_received_than_may_be_held_and_small_requests_are_always_answered() -> None:
    async def test(world: World) -> None:
        clients = [await world.connect() for _ in range(all_of_them.MAX_BODIES + 2)]
        head = HEAD + b"Content-Length: %d\r\n\r\n" % MEBIBYTE
        for _, writer in clients:
            writer.write(head + bytes(MEBIBYTE - 1))
        await until(lambda: len(world.application.refused) >= 1)
        assert set(world.application.refused) == {503}
        assert world.connections.held <= world.connections.max_held + MEBIBYTE
        small = await world.connect()
        small[1].write(ASKED)
        assert await read(small) == (200, b"/a")
        for _, writer in clients:
            writer.close()
        await until(lambda: world.connections.held == 0)

    in_a_world(test)


def test_what_is_sent_behind_a_request_waits_within_bounds() -> None:
    async def test(world: World) -> None:
        released = asyncio.Event()

        async def wait(request: Request) -> Response:
            await released.wait()
            return Response(b"")

        world.application.answer = wait
        client = await world.connect()
        client[1].write(ASKED)
        await until(lambda: len(world.application.seen) == 1)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    client[1].write(ASKED * 1000)
                    await client[1].drain()
        (connection,) = world.connections._all
        assert len(connection._backlog) <= protocol.MAX_BACKLOG + 2**18
        released.set()
        client[1].write_eof()
        assert (await read(client))[0] == 200
        await until(lambda: len(world.application.seen) > 20_000)

    in_a_world(test)


def test_a_client_that_leaves_is_known_while_its_request_is_answered() -> None:
    async def test(world: World) -> None:
        left: list[bool] = []

        async def wait(request: Request) -> Response:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                left.append(True)
                raise
            return Response(b"")

        world.application.answer = wait
        half = await world.connect()
        half[1].write(ASKED)
        client = socket.create_connection(("127.0.0.1", world.port))
        client.sendall(ASKED)
        await until(lambda: len(world.application.seen) == 2)
        half[1].write_eof()
        # A client whose system reports that it is gone, not only that it sends no more.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await until(lambda: left == [True])
        # A client that only shuts down sending may still be reading for a moment.
        with pytest.raises(ServiceError, match="the client is gone"):
            (await asyncio.sleep(0.02), world.application.seen[0].deadline.check())

    in_a_world(test)


def test_room_is_made_by_those_that_ask_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_of_them, "MIN_AGE", 0.0)
    monkeypatch.setattr(protocol, "TRANSFER_TIMEOUT", 30)

    async def test(world: World) -> None:
        released = asyncio.Event()

        async def wait(request: Request) -> Response:
            await released.wait()
            return Response(b"")

        half, kept, busy = [await world.connect() for _ in range(3)]
        half[1].write(HEAD)
        kept[1].write(ASKED)
        assert await read(kept) == (200, b"/a")
        world.application.answer = wait
        busy[1].write(ASKED)
        await until(lambda: len(world.application.seen) == 2)
        assert world.connections.make_room()
        assert await read(kept) == (0, b"")
        assert world.connections.make_room()
        assert await read(half) == (0, b"")
        await until(lambda: len(world.connections) == 1)
        assert not world.connections.make_room()
        released.set()
        assert (await read(busy))[0] == 200

    in_a_world(test)


def test_at_the_end_everything_asked_is_answered_and_then_closed() -> None:
    async def test(world: World) -> None:
        async def slow(request: Request) -> Response:
            await asyncio.sleep(0.2)
            return Response(b"")

        kept, busy = await world.connect(), await world.connect()
        kept[1].write(ASKED)
        assert await read(kept) == (200, b"/a")
        world.application.answer = slow
        busy[1].write(ASKED)
        await until(lambda: len(world.application.seen) == 2)
        closing = asyncio.create_task(world.connections.close(5, 0.1))
        await asyncio.sleep(0.02)
        kept[1].write(ASKED)  # it was arriving when the service was asked to stop
        for client in (kept, busy):
            assert (await read(client))[0] == 200
            assert await client[0].read() == b""
            client[1].close()
        assert await closing

    in_a_world(test)


def test_an_application_that_fails_closes_the_connection_and_harms_no_other() -> None:
    async def test(world: World) -> None:
        async def fail(request: Request) -> Response:
            raise RuntimeError("broken")

        world.application.answer = fail
        client = await world.connect()
        client[1].write(ASKED)
        assert await read(client) == (0, b"")
        world.application.answer = world.application._path
        other = await world.connect()
        other[1].write(ASKED)
        assert await read(other) == (200, b"/a")
        assert world.connections.held == 0 or len(world.connections) == 1

    in_a_world(test)
