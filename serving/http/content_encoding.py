"""The bytes of a body, as they were before the client compressed them, within bounds; and answers compressed."""

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

# zlib's word for: gzip or zlib, whichever it is.
EITHER = 32 + zlib.MAX_WBITS
# A frame may ask for a window of 8 MiB (RFC 9659), which is taken as it is needed.
WINDOW = 2**23
# Bytes of a member that are decompressed first.
SMALLEST_PART = 64
# Members between two looks at the deadline.
EVERY = 64
# Shorter answers would not become shorter.
WORTH_IT = 1024
LEVEL = 1


def decompressed(content: bytes, encoding: str, max_body: int, deadline: Deadline = NO_DEADLINE) -> bytes:
    """A body as it was before it was encoded; ServiceError 400, 413, 415, 499 or 504."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return content
    if name not in DECOMPRESSORS:
        raise ServiceError(415, f"the body is encoded as {shortened(name)}: use gzip, deflate or zstd, or none")
    begin, largest_part = DECOMPRESSORS[name]
    try:
        return _joined(content, begin(), largest_part, max_body, deadline)
    except (zlib.error, EOFError, zstandard.ZstdError) as error:
        raise ServiceError(400, f"the body is no {name} ({error}): send it as it is") from error


def choose(accepted: str) -> tuple[Callable[[bytes], bytes] | None, tuple[tuple[str, str], ...]]:
    """How an answer is compressed for a client that accepts these encodings, and the headers that say so."""
    vary = ("Vary", "Accept-Encoding")
    encoding = parse_accept_header(accepted, Accept).best_match(list(COMPRESS))
    return (COMPRESS[encoding], (vary, ("Content-Encoding", encoding))) if encoding else (None, (vary,))


class Member(Protocol):
    """What decompresses one member of gzip, or one frame of zstd."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: memoryview, /) -> bytes: ...


def _joined(content: bytes, begin: Callable[[], Member], largest_part: int, max_body: int, deadline: Deadline) -> bytes:
    """All members one after the other. EOFError where the last does not end, ServiceError 413 where they are too long.

    What is left of a part after the end of a member is copied. So parts are small where a member begins, and time stays
    in proportion to the content, however many members it has.
    """
    view, at, size, found = memoryview(content), 0, 0, list[bytes]()
    for number in count():
        if number % EVERY == 0:
            deadline.check()
        member, step = begin(), SMALLEST_PART
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
    return partial(zlib.decompressobj, EITHER)


def _zstd() -> Callable[[], Member]:
    # One of them is not for several threads.
    return zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj


# A part may become so much longer that no more than 16 MiB is made of the largest: 1,032 times, and a block of 128 KiB
# from each four bytes (RFC 8878).
DECOMPRESSORS: dict[str, tuple[Callable[[], Callable[[], Member]], int]] = {
    "gzip": (_inflating, 2**14),
    "x-gzip": (_inflating, 2**14),
    "deflate": (_inflating, 2**14),
    "zstd": (_zstd, 2**9),
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, LEVEL, mtime=0),
    # One of them is not for several threads.
    "zstd": lambda content: zstandard.ZstdCompressor(level=LEVEL).compress(content),
}
