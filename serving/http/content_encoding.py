"""Decompresses request bodies, within limits, and compresses responses."""

import gzip
import zlib
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Protocol

import zstandard
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from serving.deadline import NO_DEADLINE, Deadline
from serving.errors import TOO_LARGE, ServiceError
from suite.errors import shortened

# zlib's code for detecting gzip or zlib automatically.
DETECT_FORMAT = 32 + zlib.MAX_WBITS
# The largest window that a zstd frame may ask for (RFC 9659). Its memory is only allocated as needed.
MAX_WINDOW = 2**23
# Bytes of each member that are decompressed in the first step.
FIRST_PART = 64
# Members between two checks of the deadline.
DEADLINE_CHECK_INTERVAL = 64
# Responses shorter than this are not worth compressing.
MIN_COMPRESSED_SIZE = 1024
# Longer Accept-Encoding headers are ignored: parsing one takes the event loop about a microsecond a character.
MAX_ACCEPTED_SIZE = 1000
COMPRESSION_LEVEL = 1


def decompressed(content: bytes, encoding: str, max_body: int, deadline: Deadline = NO_DEADLINE) -> bytes:
    """Return a decompressed body; raise ServiceError 400, 413, 415, 499 or 504."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return content
    if name not in DECOMPRESSORS:
        raise ServiceError(415, f"the body is encoded as {shortened(name)}: use gzip, deflate or zstd, or none")
    begin, largest_part = DECOMPRESSORS[name]
    try:
        return _decode(content, begin(), largest_part, max_body, deadline)
    except (zlib.error, EOFError, zstandard.ZstdError) as error:
        raise ServiceError(400, f"the body is no {name} ({error}): send it as it is") from error


def choose(accepted: str) -> tuple[Callable[[bytes], bytes] | None, tuple[tuple[str, str], ...]]:
    """Choose a compression for an Accept-Encoding header; return its function, or None, and the response headers."""
    vary = ("Vary", "Accept-Encoding")
    known = accepted if len(accepted) <= MAX_ACCEPTED_SIZE else ""
    encoding = parse_accept_header(known, Accept).best_match(list(COMPRESS))
    return (COMPRESS[encoding], (vary, ("Content-Encoding", encoding))) if encoding else (None, (vary,))


class Member(Protocol):
    """A decompressor of one gzip member or one zstd frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: memoryview, /) -> bytes: ...


def _decode(content: bytes, begin: Callable[[], Member], largest_part: int, max_body: int, deadline: Deadline) -> bytes:
    """Decompress and join all members; raise EOFError if the last is incomplete, ServiceError 413 if they are too long.

    When a member ends within a part, the decompressor copies the rest of the part. Each member therefore begins with
    small parts, which keeps the time proportional to the size of the content, however many members it has.
    """
    view, at, size, found = memoryview(content), 0, 0, list[bytes]()
    for number in count():
        if number % DEADLINE_CHECK_INTERVAL == 0:
            deadline.check()
        member, step = begin(), FIRST_PART
        while not member.eof:
            part = view[at : at + step]
            if not part:
                raise EOFError("it ends too early")
            if plain := member.decompress(part):
                found.append(plain)
                size += len(plain)
            if size > max_body:
                raise ServiceError(413, TOO_LARGE.format(max_body))
            at += len(part) - len(member.unused_data)
            step = min(2 * step, largest_part)
            if step == largest_part:
                deadline.check()
        if at == len(view):
            break
    return b"".join(found)


def _inflating() -> Callable[[], Member]:
    return partial(zlib.decompressobj, DETECT_FORMAT)


def _zstd() -> Callable[[], Member]:
    # A decompressor must not be shared by threads.
    return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj


# For each encoding a decompressor and the largest part. Such a part decompresses to at most 16 MiB: deflate expands at
# most 1,032 times, and zstd makes a block of at most 128 KiB from each four bytes (RFC 8878).
DECOMPRESSORS: dict[str, tuple[Callable[[], Callable[[], Member]], int]] = {
    "gzip": (_inflating, 2**14),
    "x-gzip": (_inflating, 2**14),
    "deflate": (_inflating, 2**14),
    "zstd": (_zstd, 2**9),
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, COMPRESSION_LEVEL, mtime=0),
    # A compressor must not be shared by threads.
    "zstd": lambda content: zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(content),
}
