"""The bytes of a body, as they were before the client compressed them, within bounds; and answers compressed."""

import gzip
import io
import zlib
from collections.abc import Callable

import zstandard
from flask import Request, Response
from werkzeug.exceptions import HTTPException

from serving.errors import TOO_LARGE, ServiceError

# zlib's word for: gzip or zlib, whichever it is.
EITHER = 32 + zlib.MAX_WBITS
WINDOW = 2**23
# Shorter answers would not become shorter.
WORTH_IT = 1024
LEVEL = 1


def read(request: Request, max_body: int) -> bytes:
    """The body, decompressed; ServiceError 400, 413 or 415."""
    try:
        content = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:
        # The server under the application names a broken transfer in its own classes.
        raise ServiceError(400, "the body could not be read to its end: send it again") from error
    check_size(request, max_body)
    encoding = request.content_encoding
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


def check_size(request: Request, max_body: int) -> None:
    """ServiceError 413 for a body over the limit.

    A body without a declared length is silently cut where the framework's limit lies: that one is a byte larger.
    """
    if request.stream.tell() > max_body:
        raise ServiceError(413, TOO_LARGE.format(max_body))


def compress(request: Request, response: Response) -> Response:
    """The answer in an encoding that the client takes, where that is worth it."""
    accepted = request.accept_encodings
    if not accepted or response.is_streamed or response.content_encoding or len(response.data) < WORTH_IT:
        return response
    encoding = accepted.best_match(list(COMPRESS))
    if encoding:
        response.data = COMPRESS[encoding](response.data)
        response.content_encoding = encoding
    response.vary.add("Accept-Encoding")
    return response


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
    "zstd": zstandard.ZstdCompressor(level=LEVEL).compress,
}
