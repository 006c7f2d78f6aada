"""Writes responses to a connection, a part at a time, so that what clients have not read can be counted."""

import asyncio
from email.utils import formatdate
from functools import lru_cache
from time import monotonic, time

from serving.config import MEBIBYTE
from serving.http.messages import Response, status_line

# Seconds allowed for receiving a request or for a client to read a response; each mebibyte adds as many again.
TRANSFER_TIMEOUT = 30.0
# A response body of at most this many bytes is copied behind its head, so that one system call sends both. Longer ones
# are given to the transport in parts of this size: over TLS a transport encrypts all that it is given at once, and its
# buffer of encrypted bytes cannot be counted.
PART_SIZE = 2**16


class ResponseWriter:
    """The sending half of a connection. `is_paused` says that the client has yet to read some of a response.

    It must have been read by `expires_at`, a time of `time.monotonic`. `is_long` says that some of the last response
    may be held where it cannot be seen: encrypted, and not yet taken by the kernel.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._rest = memoryview(b"")
        self.is_paused = self.is_long = False
        self.expires_at = monotonic() + TRANSFER_TIMEOUT

    def start(self) -> None:
        """Have the transport call `pause` and `resume`, perhaps at once.

        A plain one pauses as soon as the kernel takes no more, TLS at the first byte that it cannot pass on.
        """
        self._transport.set_write_buffer_limits(high=0 if self._transport.can_write_eof() else 1, low=0)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to read what is before them."""
        return len(self._rest) + self._transport.get_write_buffer_size()

    def write(
        self, response: Response, persistent: bool = True, is_head: bool = False, is_http10: bool = False
    ) -> None:
        """Send a response, or at least as much of it as the client reads at once."""
        body = b"" if is_head or response.status in (204, 304) else response.body
        head = _head(response, persistent, is_http10)
        self.expires_at = monotonic() + TRANSFER_TIMEOUT * (1 + len(body) // MEBIBYTE)
        self.is_long = len(body) > PART_SIZE
        if not self.is_long:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._rest = memoryview(body)
            self._write_rest()

    def pause(self) -> None:
        """Wait, because the transport takes no more."""
        self.is_paused = True

    def resume(self) -> bool:
        """Go on, because the transport has sent what it had; return whether this was all."""
        self.is_paused = False
        self._write_rest()
        return not self.is_paused

    def _write_rest(self) -> None:
        while self._rest and not self.is_paused:
            part, self._rest = self._rest[:PART_SIZE], self._rest[PART_SIZE:]
            self._transport.write(part)


def _head(response: Response, persistent: bool, is_http10: bool) -> bytes:
    head = [f"HTTP/1.1 {status_line(response.status)}\r\nDate: {_date(int(time()))}\r\n"]
    if response.content_type:
        head.append(f"Content-Type: {response.content_type}\r\n")
    if response.status != 204:
        head.append(f"Content-Length: {len(response.body)}\r\n")
    head += [f"{name}: {value}\r\n" for name, value in response.headers]
    if not persistent:
        head.append("Connection: close\r\n")
    elif is_http10:
        head.append("Connection: keep-alive\r\n")
    head.append("\r\n")
    return "".join(head).encode("latin-1", "replace")


@lru_cache(1)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
