"""What well-behaved clients do: every one of their requests has its answer, with the status that it should have."""

import asyncio
import io
import json
import re

import numpy as np
from PIL import Image

from tests.benchmarks.open_loop import request
from tests.benchmarks.serving_load import JSON, body
from tests.benchmarks.traffic.client import OWN, Client, Kind, Unexpected

# Requests on one connection, and mean seconds between them.
KEPT, BETWEEN = 40, 0.02
PIPELINED = 8
# Names of files of the page at /docs.
NAMED = re.compile(r'(?:href|src)="([^":]+)"')


async def conversation(client: Client) -> None:
    """Ask again and again on one connection, as long as it is kept."""
    async with client.connected() as wire:
        for _ in range(KEPT):
            if wire.has_ended:
                return
            content, status = client.random.choice(client.target.requests)
            if client.check(await wire.ask(content), status).closes:
                return
            await asyncio.sleep(2 * BETWEEN * client.random.random())


async def forwarded_conversation(client: Client) -> None:
    """The same, with what a proxy says in its headers."""
    said = b"\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.5\r\n"
    async with client.connected() as wire:
        for _ in range(KEPT):
            if wire.has_ended:
                return
            content, status = client.random.choice(client.target.requests)
            if client.check(await wire.ask(content.replace(b"\r\n", said, 1)), status).closes:
                return
            await asyncio.sleep(2 * BETWEEN * client.random.random())


async def single(client: Client) -> None:
    """A connection for one request."""
    content, status = client.random.choice(client.target.requests)
    async with client.connected() as wire:
        client.check(await wire.ask(content), status)


async def pipelined(client: Client) -> None:
    """Several requests at once: they are answered in their order."""
    names = [f"{client.random.getrandbits(64):x}" for _ in range(PIPELINED)]
    asked = text_request(client)
    async with client.connected() as wire:
        await wire.send(b"".join(asked.replace(b"\r\n", f"\r\n{OWN}: {name}\r\n".encode(), 1) for name in names))
        for place, name in enumerate(names):
            answer = client.check(await wire.answer(), 200)
            found = answer.headers[OWN]
            if found != name:
                raise Unexpected(f"the {place + 1}. answer is that to request {found}, and not to {name}")
            if answer.closes:
                # The service ends: what was sent behind the last answer is sent anew to another worker.
                return


async def expecting(client: Client) -> None:
    """Send the body once the service has said that it may come."""
    content = text_request(client, " " * client.random.randrange(50_000))
    head, end, sent = content.partition(b"\r\n\r\n")
    async with client.connected() as wire:
        await wire.send(head + b"\r\nExpect: 100-continue" + end)
        if (first := await wire.answer()).status != 100:
            raise Unexpected(f"answered {first.status} in the place of 100: {first.body[:200]!r}")
        await wire.send(sent)
        client.check(await wire.answer(), 200)


async def upgrading(client: Client) -> None:
    """Offer another protocol, as some clients always do: it is not taken up."""
    offered = b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAA\r\n"
    async with client.connected() as wire:
        for _ in range(2):
            answer = client.check(await wire.ask(text_request(client).replace(b"\r\n", offered, 1)), 200)
            if answer.closes:
                return


async def hurried(client: Client) -> None:
    """Say how long the answer is of use."""
    milliseconds = client.random.choice((1, 5, 20, 5000))
    asked = text_request(client).replace(b"\r\n", b"\r\nX-Request-Timeout-Ms: %d\r\n" % milliseconds, 1)
    async with client.connected() as wire:
        client.check(await wire.ask(asked), *((200,) if milliseconds == 5000 else (200, 504)))


async def documents(client: Client) -> None:
    """Look at the page, all its files, and what else is there to read."""
    async with client.connected() as wire:
        page = client.check(await wire.ask(request("/docs")), 200)
        if page.closes:
            return
        names = NAMED.findall(page.body.decode())
        paths = [f"/docs/{name.rpartition('/')[2]}" for name in names]
        for path in (*paths, "/openapi.json", "/metrics", "/models", "/"):
            if client.check(await wire.ask(request(path)), 200).closes:
                return
        # A worker that is about to end is not ready any longer.
        if not client.check(await wire.ask(request("/readyz")), 200, 503).closes:
            client.check(await wire.ask(request("/healthz").replace(b"GET", b"HEAD", 1)), 200)


async def large(client: Client) -> None:
    """A body of just the size that it may have, in one piece or in chunks."""
    content = text(client)
    content += b" " * (client.target.max_body - len(content))
    async with client.connected() as wire:
        if client.random.random() < 0.5:
            await wire.send(request("/predict", content))
        else:
            await wire.send(chunked(content, 60_000))
        # Only so many of the largest bodies are received at a time.
        client.check(await wire.answer(), 200, 503)


async def in_tiny_chunks(client: Client) -> None:
    """A body in chunks of a byte or two."""
    content = text(client) + b" " * client.random.randrange(20_000)
    async with client.connected() as wire:
        await wire.send(chunked(content, client.random.randrange(1, 3)))
        client.check(await wire.answer(), 200)


async def pictures(client: Client) -> None:
    """Files of pictures, small ones and photographs."""
    side = client.random.choice((client.target.models.side, 300, 1000))
    drawn = np.random.default_rng(client.random.randrange(10)).integers(0, 256, (side // 10 + 1,) * 2, np.uint8)
    file, kind = io.BytesIO(), client.random.choice(("png", "jpeg"))
    Image.fromarray(drawn).resize((side, side)).save(file, kind)
    path = f"/predict?model={client.target.models.picture}"
    async with client.connected() as wire:
        client.check(await wire.ask(request(path, file.getvalue(), {"Content-Type": f"image/{kind}"})), 200)


def text(client: Client) -> bytes:
    """A question to the model of texts."""
    return body(client.target.models.text, "a warm start")


def text_request(client: Client, behind: str = "") -> bytes:
    """The same as a whole request; `behind` it may be spaces."""
    return request("/predict", text(client) + behind.encode(), {"Content-Type": JSON})


def long_request(client: Client, rows: int = 4000) -> bytes:
    """A request with an answer of many bytes, some 100 a row."""
    asked = {"model": client.target.models.text, "instances": ["a warm start"] * rows}
    return request("/predict", json.dumps(asked).encode(), {"Content-Type": JSON})


def chunked(content: bytes, size: int, path: str = "/predict") -> bytes:
    """A request whose body comes in chunks of this size."""
    head = f"POST {path} HTTP/1.1\r\nHost: service\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    parts = (content[start : start + size] for start in range(0, len(content), size))
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


PLAIN = (
    Kind("kept connections", conversation, clients=3, pause=0.05),
    Kind("a connection a request", single, clients=2, pause=0.03),
    Kind("forwarded beside plain", forwarded_conversation, clients=3, pause=0.05),
    Kind("pipelined", pipelined, pause=0.2),
    Kind("Expect: 100-continue", expecting, pause=0.3),
    Kind("Upgrade", upgrading, pause=0.5),
    Kind("with deadlines", hurried, pause=0.1),
    Kind("documents", documents, pause=2.0),
    Kind("bodies of the limit", large, pause=3.0),
    Kind("tiny chunks", in_tiny_chunks, pause=1.0),
    Kind("pictures", pictures, pause=0.3),
)
SECURED = (
    Kind("kept connections over TLS", conversation, "tls", clients=2, pause=0.05),
    Kind("a connection a request over TLS", single, "tls", pause=0.1),
    Kind("pipelined over TLS", pipelined, "tls", pause=0.5),
    Kind("bodies of the limit over TLS", large, "tls", pause=4.0),
    Kind("documents over TLS", documents, "tls", pause=3.0),
)


def through(proxy: str) -> tuple[Kind, ...]:
    """Clients of a proxy."""
    return (
        Kind(f"kept connections through {proxy}", conversation, proxy, clients=2, pause=0.05),
        Kind(f"a connection a request through {proxy}", single, proxy, pause=0.1),
        Kind(f"pictures through {proxy}", pictures, proxy, pause=1.0),
    )
