"""The bytes of a body, as they were before the client compressed them, within bounds; and answers compressed."""

import gzip
import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import zstandard
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import get_content_length

from serving.errors import TOO_LARGE, ServiceError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BROKEN = "the body could not be read to its end: send it again"

# zlib's word for: gzip or zlib, whichever it is.
EITHER = 32 + zlib.MAX_WBITS
WINDOW = 2**23
# Shorter answers would not become shorter.
WORTH_IT = 1024
LEVEL = 1


def read(environ: "WSGIEnvironment", max_body: int) -> bytes:
    """A request's body, decompressed; ServiceError 400, 413 or 415."""
    content = _sent(environ, max_body)
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    if not encoding or encoding == "identity":
        return content
    decompress = DECOMPRESS.get(encoding.lower())
    if decompress is None:
        raise ServiceError(415, f"the body is encoded as {encoding[:50]}: use {', '.join(DECOMPRESS)}, or none")
    try:
        plain = decompress(content, max_body + 1)
    except (zlib.error, EOFError, zstandard.ZstdError) as error:
        raise ServiceError(400, f"the body is no {encoding} ({error}): send it as it is") from error
    if len(plain) > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))
    return plain


def _sent(environ: "WSGIEnvironment", max_body: int) -> bytes:
    """The body as it was sent."""
    length = declared(environ, max_body)
    # A server that knows where a body ends says so; of others no more is read than was declared.
    most = max_body + 1 if environ.get("wsgi.input_terminated") else length or 0
    try:
        content: bytes = environ["wsgi.input"].read(most)
    except Exception as error:
        # The server names a broken transfer in its own classes.
        raise ServiceError(400, BROKEN) from error
    if len(content) > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))
    if length is not None and len(content) < length:
        raise ServiceError(400, BROKEN)
    return content


def declared(environ: "WSGIEnvironment", max_body: int) -> int | None:
    """The length that a request declares; ServiceError 413."""
    length = get_content_length(environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING"))
    if length is not None and length > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))
    return length


def decode(content: bytes, encoding: str, max_body: int) -> bytes:
    """A body as it was before it was compressed; ServiceError 400, 413 or 415."""
    decompress = DECOMPRESS.get(encoding.lower())
    if decompress is None:
        raise ServiceError(415, f"the body is encoded as {encoding[:50]}: use {', '.join(DECOMPRESS)}, or none")
    try:
        plain = decompress(content, max_body + 1)
    except (zlib.error, EOFError, zstandard.ZstdError) as error:
        raise ServiceError(400, f"the body is no {encoding} ({error}): send it as it is") from error
    if len(plain) > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))
    return plain


def choose(accepted: str) -> tuple[Callable[[bytes], bytes] | None, tuple[tuple[str, str], ...]]:
    """How an answer is compressed for a client that accepts these encodings, and the headers that say so."""
    vary = ("Vary", "Accept-Encoding")
    encoding = parse_accept_header(accepted, Accept).best_match(list(COMPRESS))
    return (COMPRESS[encoding], (vary, ("Content-Encoding", encoding))) if encoding else (None, (vary,))


def _inflate(content: bytes, most: int) -> bytes:
    parts, left = [], most
    while content and left > 0:
        decompressor = zlib.decompressobj(EITHER)
        parts.append(decompressor.decompress(content, left))
        left -= len(parts[-1])
        if left > 0 and not decompressor.eof:
            raise EOFError("it ends too early")
        content = decompressor.unused_data
    return b"".join(parts)


def _from_zstd(content: bytes, most: int) -> bytes:
    parts, left = [], most
    source = io.BytesIO(content)
    with zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(source, read_across_frames=True) as reader:
        while left > 0 and (part := reader.read(left)):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


DECOMPRESS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _inflate,
    "deflate": _inflate,
    "zstd": _from_zstd,
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, LEVEL, mtime=0),
    # One of them is not for several threads.
    "zstd": lambda content: zstandard.ZstdCompressor(level=LEVEL).compress(content),
}
