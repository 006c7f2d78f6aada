"""Requests that are refused: too large, packed to burst, broken, ambiguous. Each gets its answer, and no other."""

import base64
import gzip
import io
import json
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np
import zstandard
from PIL import Image

from tests.benchmarks.open_loop import request
from tests.benchmarks.serving_load import body
from tests.benchmarks.traffic.client import Client, Kind, Lost, Unexpected
from tests.benchmarks.traffic.ordinary import chunked, text, text_request

MEBIBYTE = 2**20
POST = b"POST /predict HTTP/1.1\r\nHost: service\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD = b"GET /healthz HTTP/1.1\r\nHost: service\r\n\r\n"
# Bytes, and the statuses of the answers to them; after the last of these the service closes.
MALFORMED: tuple[tuple[bytes, Sequence[int]], ...] = (
    (b"\x00\xff\x00" * 20 + b"\r\n\r\n", [400]),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
    (b"GET /healthz\r\n\r\n", [505]),
    (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
    (b"GET /healthz HTTP/1.1\nHost: a\n\n", [400]),
    (b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", [400]),
    (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    (b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", [414]),
    (POST + b"A: b\r\n" * 200 + b"\r\n", [431]),
    (POST + b"A: " + b"b" * 70_000 + b"\r\n\r\n", [431]),
    (POST + b"A: b\0\r\n\r\n", [400]),
    (POST + b"A b: c\r\n\r\n", [400]),
    (POST + b"A: b\r\n c\r\n\r\n", [400]),
    (POST + b"Content-Length: -1\r\n\r\n", [400]),
    (POST + b"Content-Length: 1, 2\r\n\r\n", [400]),
    (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", [400]),
    (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", [501]),
    (POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", [417]),
    (CHUNKS + b"x\r\n", [400]),
    (CHUNKS + b"5\r\nhelloXX0\r\n\r\n", [400]),
    (CHUNKS + b"0\r\nContent-Length: 5\r\n\r\n", [400]),
    (CHUNKS + b"5;" + b"x" * 1_200_000, [400]),
    (b"\r\n" * 100 + b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", [200]),
    (GOOD * 3 + b"nonsense\r\n\r\n", [200, 200, 200, 400]),
    (GOOD + POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n" + GOOD * 3, [200, 400]),
)


async def malformed(client: Client) -> None:
    """What is no request gets one answer, and those before it get theirs."""
    content, statuses = client.random.choice(MALFORMED)
    async with client.connected() as wire:
        with suppress(Lost):  # it may be refused before all of it was sent: then the answer is there
            await wire.send(content)
        found = await wire.rest()
    answered = [int(part[:3]) for part in found.split(b"HTTP/1.1 ")[1:]]
    client.statuses.update(answered)
    if len(answered) < len(statuses) and answered == list(statuses)[: len(answered)]:
        raise Lost(wire.good_at, f"after {len(answered)} of {len(statuses)} answers to {content[:90]!r}")
    if answered != list(statuses):
        raise Unexpected(f"answered {answered} in the place of {statuses} to {content[:90]!r}")


async def refused(client: Client) -> None:
    """What is a request and makes no sense."""
    models = client.target.models
    content, status = client.random.choice((
        (request("/predict", body(models.picture, [[1]])), 400),
        (request("/predict", b'{"model": "%b", "instances": [' % models.text.encode() + b"[" * 5000), 400),
        (request("/predict", b'{"model": "a", "model": "b", "instances": [1]}'), 400),
        (request("/predict", body("nobody" * 1000, 1)), 404),
        (request("/predict"), 405), (request("/docs/../app.py"), 404), (request("/%00%ff"), 404),
        (request("/predict", b"\xff\xfe\x00"), 400),
        (request("/predict", b"{}", {"Content-Type": "application/pdf"}), 415),
        (request("/predict", text(client), {"Content-Encoding": "gzip"}), 400),
        (request("/predict", text(client), {"Content-Encoding": "br"}), 415),
        (request("/predict", text(client), {"X-Request-Timeout-Ms": "soon"}), 400),
        (request("/predict", text(client), {"X-Request-Timeout-Ms": "0"}), 504),
        (request(f"/v2/models/{models.picture}/infer", _declared(models.picture)), 413),
        (request(f"/v1/models/{models.text}:predict", b'{"instances": [1], "inputs": [1]}'), 400),
    ))  # fmt: skip
    async with client.connected() as wire:
        if not client.check(await wire.ask(content), status).closes:
            client.check(await wire.ask(text_request(client)), 200)


def _declared(model: str) -> bytes:
    """A tensor that says to be much larger than it is."""
    tensor = {"name": "image", "shape": [10**9, 10**9], "datatype": "UINT8", "data": [1, 2, 3]}
    return json.dumps({"inputs": [tensor]}).encode()


async def too_large(client: Client) -> None:
    """Bodies over the limit: declared, sent in chunks, or announced to who may say that they are not to come."""
    most = client.target.max_body
    content, sent = client.random.choice((
        (POST + b"Content-Length: %d\r\n\r\n" % (most + 1), most // 4),
        (POST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (10**12), 0),
        (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 100),
        (chunked(bytes(most + 1), 60_000)[:-5], 0),
    ))  # fmt: skip
    async with client.connected() as wire:
        await wire.send(content)
        await wire.send(bytes(sent))
        # Only so many of the largest bodies are received at a time.
        client.check(await wire.answer(), 413, *((503,) if b"chunked" in content else ()))


async def packed(client: Client) -> None:
    """Bodies that are small until they are unpacked, that are cut short, or packed again and again."""
    coding, content, statuses = client.random.choice(_packed(client.target.max_body, text(client)))
    async with client.connected() as wire:
        answer = await wire.ask(request("/predict", content, {"Content-Encoding": coding}))
        client.check(answer, *statuses)


@lru_cache
def _packed(most: int, good: bytes) -> Sequence[tuple[str, bytes, Sequence[int]]]:
    zeros = bytes(4 * most)
    return (
        ("gzip", gzip.compress(zeros), [413]),
        ("zstd", zstandard.ZstdCompressor().compress(zeros), [413]),
        ("deflate", zlib.compress(b"") * 2**15, [400]),
        ("gzip", gzip.compress(good)[:-9], [400]),
        ("zstd", zstandard.ZstdCompressor().compress(good)[:-3], [400]),
        ("gzip", gzip.compress(good[:20]) + gzip.compress(good[20:]), [200]),
        ("zstd", zstandard.ZstdCompressor().compress(good + b" " * 1000), [200]),
    )


async def odd_pictures(client: Client) -> None:
    """Pictures that are broken, cut short, or have very many pixels for their bytes."""
    kind, content, statuses = client.random.choice(_pictures(client.target.models.side))
    path = f"/predict?model={client.target.models.picture}"
    content_type = f"image/{kind}"
    if client.random.random() < 0.3:
        content = body(client.target.models.picture, base64.b64encode(content).decode())
        path, content_type = "/predict", "application/json"
    async with client.connected() as wire:
        client.check(await wire.ask(request(path, content, {"Content-Type": content_type})), *statuses)


@lru_cache
def _pictures(side: int) -> Sequence[tuple[str, bytes, Sequence[int]]]:
    files = {}
    drawn = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    for kind in ("png", "jpeg"):
        file = io.BytesIO()
        Image.fromarray(drawn).save(file, kind)
        files[kind] = file.getvalue()
    refused = [400, 413]
    return (
        ("png", files["png"][:-40], refused), ("jpeg", files["jpeg"][:40], refused), ("png", b"no picture", refused),
        ("png", _png(30_000, 30_000), refused), ("png", _png(2**31 - 1, 2**31 - 1), refused),
        ("png", _png(3, 200_000), [200, *refused]), ("png", _png(2500, 2500), [200, *refused]),
    )  # fmt: skip


def _png(width: int, height: int) -> bytes:
    """A black picture of few bytes, whole as far as it has no more than some millions of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes(min((width + 1) * height, 8 * MEBIBYTE)), 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


KINDS = (
    Kind("malformed", malformed, clients=2, pause=0.2),
    Kind("refused", refused, pause=0.15),
    Kind("too large", too_large, pause=2.0),
    Kind("packed", packed, pause=1.0),
    Kind("odd pictures", odd_pictures, pause=0.7),
)
