"""Clients that hold what they have: slow senders and readers, idle connections, and those that leave in the middle."""

import asyncio
from contextlib import AsyncExitStack

from tests.benchmarks.open_loop import request
from tests.benchmarks.traffic.client import Client, Kind, Lost, Unexpected, Wire
from tests.benchmarks.traffic.ordinary import chunked, long_request, text, text_request

# Bytes at a time of who sends slowly, bytes of room of who reads slowly; connections of a flood.
DROPS, ROOM, FLOOD = 40, 4096, 300
# The service may take its time to say that nothing more is waited for: its patience, and some.
PATIENCE = 60.0


async def drips(client: Client) -> None:
    """Send a whole request in bits: its head, its body, its chunks."""
    content = client.random.choice((
        text_request(client, " " * 300), chunked(text(client), 3),
        request("/predict?model=" + client.target.models.text, b"a warm start" * 30, {"Content-Type": "text/plain"}),
    ))  # fmt: skip
    size = -(-len(content) // DROPS)
    pause = client.random.choice((0.02, 0.1, 0.2))
    async with client.connected() as wire:
        for start in range(0, len(content), size):
            await wire.send(content[start : start + size])
            await asyncio.sleep(pause)
        client.check(await wire.answer(), 200)


async def never_whole(client: Client) -> None:
    """Begin a request and never end it: one is told so, or left."""
    content = client.random.choice((text_request(client, " " * 300), chunked(text(client), 3)))
    async with client.connected() as wire:
        try:
            await wire.send(content[: client.random.randrange(len(content) - 5)])
            client.check(await wire.answer(patience=PATIENCE), 408)
        except Lost:
            return


async def reads_nothing(client: Client) -> None:
    """Ask for long answers and read none, then go."""
    async with client.connected(receive_buffer=ROOM) as wire:
        await wire.send(long_request(client) * 2 + request("/docs/swagger-ui-bundle.js") * 4)
        await asyncio.sleep(client.random.uniform(2, 20))
        wire.reset()


async def reads_slowly(client: Client) -> None:
    """Ask for a long answer and read it bit by bit: it comes whole."""
    async with client.connected(receive_buffer=ROOM) as wire:
        await wire.send(long_request(client, 2000))
        found = b""
        while b"\r\n\r\n" not in found:
            found += await _some(client, wire)
        head, _, body = found.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Unexpected(f"answered {head[:40]!r} in the place of 200")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += await _some(client, wire)
        client.statuses[200] += 1


async def _some(client: Client, wire: Wire) -> bytes:
    await asyncio.sleep(0.02 * client.random.random())
    part = await wire.some(2**11)
    if not part:
        raise Lost(wire.good_at, "in the middle of a long answer")
    return part


async def flood(client: Client) -> None:
    """Hundreds of connections on which nothing is asked, or half a request."""
    async with AsyncExitStack() as stack:
        for number in range(FLOOD):
            try:
                wire = await stack.enter_async_context(client.connected(is_secured=False))
                if number % 2:
                    await wire.send(text_request(client)[:30])
            except Lost:
                continue
        await asyncio.sleep(client.random.uniform(1, 4))


async def leaves(client: Client) -> None:
    """Go in the middle of a request, or before its answer, by closing or by force."""
    content = client.random.choice((text_request(client), chunked(text(client), 3), long_request(client, 500)))
    sent = client.random.choice((0, 20, len(content) // 2, len(content) - 1, len(content)))
    async with client.connected() as wire:
        try:
            await wire.send(content[:sent])
        except Lost:
            return
        await asyncio.sleep(client.random.choice((0.0, 0.001, 0.02)))
        if client.random.random() < 0.7:
            wire.reset()


async def leaves_while_reading(client: Client) -> None:
    """Read some of a long answer, then go."""
    async with client.connected(receive_buffer=ROOM) as wire:
        await wire.send(long_request(client, 2000))
        await wire.some(1000)
        wire.reset()


async def ends_sending(client: Client) -> None:
    """Say after a request, or in the middle of one, that nothing more will come, and read on."""
    content = text_request(client)
    is_whole = client.random.random() < 0.7
    async with client.connected() as wire:
        await wire.send(content if is_whole else content[:-5])
        wire.end_sending()
        if is_whole:
            # Who has left may be gone for good: the answer is computed in the next moment, or not at all.
            client.check(await wire.answer(), 200, 499)
        elif found := await wire.rest():
            raise Unexpected(f"half a request was answered: {found[:100]!r}")


PLAIN = (
    Kind("bits of a request", drips, clients=12, pause=0.1, may_last=True),
    Kind("never a whole request", never_whole, clients=10, pause=0.1, may_last=True),
    Kind("reads nothing", reads_nothing, clients=4, pause=0.2, may_last=True),
    Kind("reads slowly", reads_slowly, clients=2, pause=0.3, may_last=True),
    Kind("flood of connections", flood, pause=4.0, may_last=True),
    Kind("leaves", leaves, clients=2, pause=0.1),
    Kind("leaves while reading", leaves_while_reading, pause=0.5),
    Kind("ends sending", ends_sending, pause=0.3),
)
SECURED = (
    Kind("bits of a request over TLS", drips, "tls", clients=4, pause=0.3, may_last=True),
    Kind("never a whole request over TLS", never_whole, "tls", 4, pause=0.3, may_last=True),
    Kind("reads nothing over TLS", reads_nothing, "tls", 2, pause=0.3, may_last=True),
    Kind("reads slowly over TLS", reads_slowly, "tls", pause=0.5, may_last=True),
    Kind("flood of connections over TLS", flood, "tls", pause=6.0, may_last=True),
    Kind("leaves over TLS", leaves, "tls", pause=0.3),
)
