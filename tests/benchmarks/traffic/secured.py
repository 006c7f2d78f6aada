"""What hostile clients do to TLS: stall in the handshake, speak no TLS, change keys, leave without a word."""

import asyncio
import contextlib
import ssl

from tests.benchmarks.open_loop import request
from tests.benchmarks.traffic.client import Client, Kind, Lost, Unexpected, trusting
from tests.benchmarks.traffic.ordinary import text_request

# Seconds between what is typed into openssl, which takes commands only as lines of their own.
TYPED = 0.3


async def stalls(client: Client) -> None:
    """Send the half of a handshake and wait until one is left."""
    hello = ssl.MemoryBIO()
    shaking = trusting(client.address.certificate).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    with contextlib.suppress(ssl.SSLWantReadError):
        shaking.do_handshake()
    async with client.connected(is_secured=False) as wire:
        try:
            await wire.send(hello.read()[: client.random.choice((0, 1, 100))])
            await wire.rest()
        except Lost:
            return


async def plain(client: Client) -> None:
    """Speak HTTP without TLS: one is told."""
    async with client.connected(is_secured=False) as wire:
        answer = client.check(await wire.ask(request("/healthz")), 400)
        if b"https://" not in answer.body:
            raise Unexpected(f"answered {answer.body!r}, which does not say what to do")


async def garbage(client: Client) -> None:
    """Speak neither."""
    content = client.random.choice((b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x00" * 50, b"SSH-2.0-x\r\n", b"\x15"))
    async with client.connected(is_secured=False) as wire:
        try:
            await wire.send(content)
            wire.end_sending()
            await wire.rest()
        except Lost:
            return


async def leaves(client: Client) -> None:
    """Shake hands and go, by force."""
    async with client.connected() as wire:
        wire.reset()


async def changes_keys(client: Client) -> None:
    """Ask for new keys in the middle of a connection, twice, and get the answer under these. RFC 8446, 4.6.3"""
    found = b""
    for _ in range(2):  # a worker that is about to end closes a connection on which nothing is asked for a second
        found = await _typed(client, "-tls1_3", b"K\n", b"K\n", text_request(client, "\n"))
        if b"HTTP/1.1 200 OK" in found:
            client.statuses[200] += 1
            return
    raise Unexpected(f"answered {found[-200:]!r} after a change of keys")


async def renegotiates(client: Client) -> None:
    """Want to shake hands again in the middle, as TLS 1.2 allowed: the connection ends, or goes on without."""
    found = await _typed(client, "-tls1_2", b"R\n", text_request(client, "\n"))
    if b"HTTP/1.1 200 OK" in found:
        client.statuses[200] += 1


async def _typed(client: Client, version: str, *lines: bytes) -> bytes:
    """What openssl's own client shows up to an answer, or its end, after this was typed into it, a line at a time."""
    address = client.address
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"{address.host}:{address.port}", version,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    found = b""
    try:
        for line in lines:
            await asyncio.sleep(TYPED)
            process.stdin.write(line)
        while b"predictions" not in found and (part := await process.stdout.read(2**16)):
            found += part
        process.stdin.close()
        await process.stdout.read()
    except BaseException:
        process.kill()
        raise
    finally:
        await process.wait()
    return found


KINDS = (
    Kind("stalls in the handshake", stalls, "tls", clients=8, pause=0.2, may_last=True),
    Kind("HTTP where TLS is spoken", plain, "tls", pause=0.7),
    Kind("neither HTTP nor TLS", garbage, "tls", pause=1.0),
    Kind("handshakes for nothing", leaves, "tls", pause=0.3),
)
WITH_OPENSSL = (
    Kind("changes keys", changes_keys, "tls", pause=3.0),
    Kind("renegotiates", renegotiates, "tls", pause=5.0),
)
