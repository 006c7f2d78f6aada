"""Requests as nearly all clients write them, to a WSGI environment at once; and answers to them.

Whatever is not of that form, in any detail, is left to the server's own parser: nothing is refused here, and nothing is
read otherwise than it would be there. https://www.rfc-editor.org/rfc/rfc9112
"""

import io
import re
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# A head, and all of a request: of one whose body is read number by number, or text by text, and of others. What is
# larger had better be read by a thread.
LONGEST_HEAD, LARGEST_READ, LARGEST = 4096, 2**14, 2**17
AS_IT_IS = ("application/octet-stream", "application/x-npy", "application/npy")
# Of protocol v2: how much JSON is before the bytes. Its best-known client gives no type.
JSON_LENGTH = "HTTP_INFERENCE_HEADER_CONTENT_LENGTH"
MOST_FIELDS = 100
# A path without a host before it or anything encoded in it, names without underscores, and values of ASCII.
HEAD = re.compile(
    rb"POST (/(?!/)[!$&-.0-;=@-Z_a-z~/]*)(?:\?([!$-~]*))? HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)+)\r\n"
)
LENGTH = re.compile(r"[0-9]{1,9}")
# What changes how a request is to be read or answered.
OTHERS = frozenset(
    f"HTTP_{name}"
    for name in (
        "CONTENT_ENCODING", "EXPECT", "TRANSFER_ENCODING", "TE", "TRAILER", "UPGRADE", "X_FORWARDED_PROTO",
        "X_FORWARDED_PROTOCOL", "X_FORWARDED_SSL",
    )
)  # fmt: skip
CONNECTION, KEEPING, HOST = "HTTP_CONNECTION", "keep-alive", "HTTP_HOST"


def read(content: bytes | bytearray) -> "WSGIEnvironment | None":
    """The environment of a request, which is all of the content; None for one that is not plain."""
    found = HEAD.match(content, 0, LONGEST_HEAD) if len(content) <= LARGEST else None
    if found is None:
        return None
    path, query, head = found.groups()
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path.decode(),
        "QUERY_STRING": query.decode() if query else "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
    }
    lines = head.decode()[:-2].split("\r\n")
    if len(lines) > MOST_FIELDS:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        key = _key(name)
        if key in environ:
            return None
        environ[key] = value.strip(" \t")
    if HOST not in environ or not OTHERS.isdisjoint(environ):
        return None
    if environ.get(CONNECTION, KEEPING).lower() != KEEPING:
        return None
    length = environ.get("CONTENT_LENGTH", "")
    if len(content) > LARGEST_READ and not _is_bytes(environ):
        return None
    if not LENGTH.fullmatch(length) or len(content) != found.end() + int(length):
        return None
    with memoryview(content) as whole:
        environ["wsgi.input"] = io.BytesIO(bytes(whole[found.end() :]))
    return environ


def _is_bytes(environ: "WSGIEnvironment") -> bool:
    """Whether most of the body is taken as it is."""
    before = environ.get(JSON_LENGTH, "")
    if LENGTH.fullmatch(before):
        return int(before) <= LARGEST_READ
    return environ.get("CONTENT_TYPE") in AS_IT_IS


@lru_cache(1024)
def _key(name: str) -> str:
    """What a header is called in an environment."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def written(status: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """An answer after which the connection stays."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    every = f"Server: gunicorn\r\nDate: {_date(int(time()))}\r\nConnection: {KEEPING}\r\n"
    head = f"HTTP/1.1 {status}\r\n{every}{lines}\r\n"
    return head.encode("latin-1") + body


@lru_cache(1)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
