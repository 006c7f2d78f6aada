"""Parses the bytes of a connection into requests with httptools, and enforces size limits.

https://www.rfc-editor.org/rfc/rfc9112
"""

import re
from collections import deque
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import unquote_to_bytes

import httptools

from serving.deadline import Deadline
from serving.errors import TOO_LARGE, ServiceError
from serving.http.forwarding import plain
from serving.http.messages import Request

MAX_HEAD, MAX_TARGET, MAX_FIELDS = 2**16, 2**13, 100
# The framing of chunks may take at most MAX_FRAMING bytes plus MAX_FRAMING_RATIO the size of the body.
MAX_FRAMING, MAX_FRAMING_RATIO = 2**20, 8
# The name of a host, with any bytes as %HH, or an IPv6 address in brackets; then perhaps a port.
# https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2
NAME = r"[A-Za-z0-9._~!$&'()*+,;=-]*"
HOST = re.compile(rf"(?:\[([0-9A-Fa-f:.]+)\]|{NAME}(?:%[0-9A-Fa-f]{{2}}{NAME})*)(?::[0-9]*)?")
# A target with a scheme and a host, as clients send to proxies. httptools refuses some of the hosts that HOST accepts.
ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?]+)([^?]*)\??(.*)")
# Optional whitespace around a header's value, which is not part of the value.
OWS = " \t"
TARGET = re.compile(rb"[!\"$-~]+")
# Headers that define how a message is framed or interpreted: sending one of them twice would be ambiguous.
NOT_REPEATABLE = frozenset((
    "host", "content-length", "content-type", "authorization", "expect", "x-request-timeout-ms",
    "inference-header-content-length",
))  # fmt: skip
# Headers that are not allowed in trailers, after a chunked body, because they say how to read the message.
NOT_IN_TRAILERS = frozenset(("content-length", "transfer-encoding", "host", "content-type", "content-encoding"))
# Common spellings of header names, and the names in lower case.
NAMES = {
    name.encode(): name.lower()
    for title in (
        "Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Type", "Content-Length",
        "Content-Encoding", "Authorization", "X-Request-Id", "X-Request-Timeout-Ms", "Inference-Header-Content-Length",
    )
    for name in (title, title.lower())
}  # fmt: skip
BROKEN = "the request is no HTTP that can be read ({}): send it again"
OTHER_VERSION = "HTTP/{} is not spoken here: use HTTP/1.1"
CHUNKS = "the chunks of the body are broken: send it again, or with its length"


@dataclass(slots=True)
class Received:
    """A complete request, whether its connection can stay open after the response, and whether it is HTTP/1.0.

    A client of HTTP/1.0 expects a header that says that the connection stays open.
    """

    request: Request
    persistent: bool
    is_http10: bool


class RequestParser:
    """Parses the bytes of one connection; complete requests are added to `requests`.

    `expects_continue` is true while the client waits for "100 Continue" before sending a body. After `feed` has raised
    a ServiceError, the parser cannot be used any more.
    """

    def __init__(self, max_body: int, scheme: str, client: str, root_path: str) -> None:
        self.requests: deque[Received] = deque()
        self.expects_continue = False
        self._max_body, self._scheme, self._client, self._root_path = max_body, scheme, plain(client), root_path
        self._refusal: ServiceError | None = None
        self._has_begun = False
        # The header that frames the body of an upgrade request, and whether `_reframe` is feeding it to a new parser.
        self._framing, self._is_reframing = b"", False
        self._parser = self._new_parser()
        self._reset()

    @property
    def is_idle(self) -> bool:
        """Whether no part of a next request has been received."""
        return not self._started

    @property
    def partial_request(self) -> Request:
        """The part of the current request that is known, for refusing it."""
        request = Request(self._method or "-", self._path, self._query, dict(self._headers))
        request.scheme, request.client, request.root_path = self._scheme, self._client, self._root_path
        return request

    def feed(self, data: bytes) -> None:
        """Parse bytes; raise ServiceError 400, 413, 414, 417, 431, 501 or 505 for an invalid request."""
        self._has_begun = False
        try:
            while data:
                try:
                    self._parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = data[upgrade.args[0] :]
                    if self._framing:
                        self._reframe()
        except httptools.HttpParserError as error:
            raise self._refusal or self._broken(error) from None
        # A part in which a request begins is not counted: some of its bytes may belong to the request before.
        if self._started and not self._has_begun:
            self._count(len(data))

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # We check the version ourselves, and decide ourselves what may follow the last request.
        parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_version=True)
        return parser

    def _reframe(self) -> None:
        """Parse the body of a request that asks to upgrade to another protocol; we support none and ignore that.

        httptools ends such a request after its head, as if the other protocol began there, and would parse the body as
        further requests.
        """
        self._parser = self._new_parser()
        self._is_reframing = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + self._framing + b"\r\n\r\n")
        self._framing, self._is_reframing = b"", False

    def _reset(self) -> None:
        self._started = self._has_head = False
        self._target = b""
        self._method = self._path = self._query = ""
        self._headers: dict[str, str] = {}
        self._fields = self._head_size = self._size = self._body_size = 0
        self._body: bytes | bytearray = b""
        self._persistent = True
        self._is_http10 = False

    def _count(self, size: int) -> None:
        """Count received bytes; refuse a head or chunk framing that is too long, even if not parsed yet."""
        self._size += size
        if not self._has_head and self._size > MAX_HEAD:
            self._refuse(431, f"the head of the request is longer than {MAX_HEAD:,} bytes: send fewer headers")
        if self._size - self._body_size > MAX_FRAMING + MAX_FRAMING_RATIO * self._body_size:
            self._refuse(400, CHUNKS)

    def _refuse(self, status: int, message: str) -> None:
        self._refusal = ServiceError(status, message)
        raise self._refusal

    def _broken(self, error: httptools.HttpParserError) -> ServiceError:
        if self._has_head:
            return ServiceError(400, CHUNKS)
        if "overflow" in str(error):
            return ServiceError(413, TOO_LARGE.format(self._max_body))
        if "PRI/Upgrade" in str(error):
            return ServiceError(505, OTHER_VERSION.format("2"))
        return ServiceError(400, BROKEN.format(str(error)[:100] or type(error).__name__))

    # Called by httptools.

    def on_message_begin(self) -> None:
        if self._is_reframing:
            return
        self._reset()
        self._started = self._has_begun = True

    def on_url(self, part: bytes) -> None:
        if self._is_reframing:
            return
        self._target += part
        if len(self._target) > MAX_TARGET:
            self._refuse(414, f"the path is longer than {MAX_TARGET:,} bytes: send what it says in the body")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_reframing:
            return
        key = NAMES.get(name) or name.lower().decode("ascii")
        self._fields += 1
        self._head_size += len(name) + len(value) + 4
        if self._fields > MAX_FIELDS or self._head_size > MAX_HEAD:
            most = f"{MAX_FIELDS} headers or {MAX_HEAD:,} bytes"
            self._refuse(431, f"the request has more than {most} of them: send fewer")
        if self._has_head:
            if key in NOT_IN_TRAILERS:
                self._refuse(400, "a header that says how the body is to be read comes after it: send it before")
        elif key in self._headers:
            if key in NOT_REPEATABLE:
                self._refuse(400, f"the request has more than one {key}: send one")
            self._headers[key] += f", {value.decode('latin-1').strip(OWS)}"
        elif "_" not in key:
            # Names with an underscore are dropped: WSGI would not tell them from the same names with a hyphen.
            self._headers[key] = value.decode("latin-1").strip(OWS)

    def on_headers_complete(self) -> None:
        if self._is_reframing:
            return
        self._has_head = True
        self._method = self._parser.get_method().decode("ascii")
        version = self._parser.get_http_version()
        if not version.startswith("1."):
            self._refuse(505, OTHER_VERSION.format(version[:5]))
        self._is_http10 = version == "1.0"
        self._persistent = self._parser.should_keep_alive() and self._method != "CONNECT"
        self._read_target()
        host = self._headers.get("host")
        if host is None and not self._is_http10:
            self._refuse(400, "the request has no Host: send one")
        if host and not _is_host(host):
            self._refuse(400, "the Host of the request is no name of a host: correct it")
        self._check_framing()
        if self._parser.should_upgrade():
            length = self._headers.get("content-length", "0")
            is_chunked = "transfer-encoding" in self._headers
            self._framing = b"Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {length}".encode()

    def _read_target(self) -> None:
        target = self._target
        if not TARGET.fullmatch(target):
            self._refuse(400, "the path has characters that may not stand there: encode them as %23 for #")
        if target.startswith(b"/"):
            path, _, query = target.partition(b"?")
        elif target == b"*" and self._method == "OPTIONS":
            path, query = target, b""
        else:
            path, query = self._split_absolute(target)
        raw = unquote_to_bytes(path) if b"%" in path else path
        self._path, self._query = raw.decode("utf-8", "surrogateescape"), query.decode("ascii")
        # Some proxies pass on the prefix under which they serve the service.
        if self._root_path and (self._path == self._root_path or self._path.startswith(f"{self._root_path}/")):
            self._path = self._path[len(self._root_path) :] or "/"

    def _split_absolute(self, target: bytes) -> tuple[bytes, bytes]:
        """Return the path and the query of `http://host/path`, the form in which clients address proxies."""
        found = ABSOLUTE.fullmatch(target)
        if found is None or not _is_host(found[1].decode("ascii")):
            self._refuse(400, "the path of the request is none: begin it with a slash")
            raise AssertionError
        return found[2] or b"/", found[3]

    def _check_framing(self) -> None:
        codings, length = self._headers.get("transfer-encoding"), self._headers.get("content-length")
        if codings is not None:
            if self._is_http10 or length is not None:
                self._refuse(400, "the length of the body is told in two ways: send a length, or chunks over HTTP/1.1")
            if codings.lower() != "chunked":
                self._refuse(501, f"the body is sent as '{codings[:50]}': send it in chunks alone, or with its length")
        elif length is not None:
            if not (length.isascii() and length.isdigit()):
                self._refuse(400, f"Content-Length is '{length[:20]}': give a whole number")
            # Python refuses to read thousands of digits, even if they are zeros.
            digits = length.lstrip("0") or "0"
            if len(digits) > 15 or int(digits) > self._max_body:
                self._refuse(413, TOO_LARGE.format(self._max_body))
        expected = self._headers.get("expect")
        if expected is not None and not self._is_http10:
            if expected.lower() != "100-continue":
                self._refuse(417, f"Expect is '{expected[:50]}': nothing but 100-continue is known")
            self.expects_continue = True

    def on_body(self, part: bytes) -> None:
        self.expects_continue = False
        self._body_size += len(part)
        if self._body_size > self._max_body:
            self._refuse(413, TOO_LARGE.format(self._max_body))
        if not self._body:
            self._body = part
        elif isinstance(self._body, bytearray):
            self._body += part
        else:
            self._body = bytearray(self._body) + part

    def on_message_complete(self) -> None:
        if self._framing and not self._is_reframing:
            return
        self.expects_continue = False
        request = Request(
            self._method, self._path, self._query, self._headers, bytes(self._body), self._scheme, self._client,
            self._root_path, Deadline(),
        )  # fmt: skip
        self.requests.append(Received(request, self._persistent, self._is_http10))
        self._started = self._has_head = False
        self._body = b""


def _is_host(text: str) -> bool:
    """Return whether a text names a host, perhaps with a port."""
    found = HOST.fullmatch(text)
    if found is None or found[1] is None:
        return found is not None
    try:
        IPv6Address(found[1])
    except ValueError:
        return False
    return True
