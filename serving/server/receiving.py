"""A request as it comes in, until all of it is there and a thread can take it up: slow senders hold none."""

import re
from typing import Any

from gunicorn.http.unreader import SocketUnreader

# The head that the server's parser refuses is shorter, and so is the line before a chunk.
LONGEST_HEAD, LONGEST_LINE = 2**20, 2**14
END, LINE = b"\r\n\r\n", b"\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
CODING = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
CHUNK = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;[^\r\n]*)?\r\n")
# Longer numbers are too large whatever they say.
DIGITS = 15


class Incoming:
    """What has come in of one request, whose body may have `max_body` bytes.

    Its `head` is that many bytes long, once known. `too_large`, `broken`: the body is, and need not be waited for.
    `expects`: the sender waits to be told that it may send the body.
    """

    def __init__(self, max_body: int) -> None:
        self.content = bytearray()
        self.head = 0
        self.too_large = self.broken = self.expects = False
        self._max_body = max_body
        self._looked = 0
        # Where the body ends or, of one in chunks, where the next begins; and how long those before it are.
        self._end, self._chunked, self._in_chunks = 0, False, 0

    def is_whole(self) -> bool:
        """Whether a thread can take it up: nothing more is to come, or what is there will be refused."""
        if not self.head and not self._read_head():
            return len(self.content) > LONGEST_HEAD
        if self._chunked and not (self.too_large or self.broken):
            return self._skip_chunks()
        return self.too_large or self.broken or len(self.content) >= self._end

    def _read_head(self) -> bool:
        """Whether it is there."""
        end = self.content.find(END, self._looked)
        if end < 0:
            self._looked = max(0, len(self.content) - len(END) + 1)
            return False
        head = bytes(self.content[: end + len(LINE)])
        length, expects = LENGTH.search(head), EXPECTS.search(head)
        self.head = end + len(END)
        if expects and b" HTTP/1.1\r\n" in head[: expects.start() + len(LINE)]:
            # Whoever parses the head later need not say so again.
            self.expects = True
            del self.content[expects.start() : expects.end()]
            self.head -= len(expects[0])
        self._end = self.head
        self._chunked = length is None and CHUNKED.search(head) is not None
        # A head with both is refused as soon as it is parsed.
        if length and not CODING.search(head):
            self.too_large = len(length[1]) > DIGITS or int(length[1]) > self._max_body
            self._end += 0 if self.too_large else int(length[1])
        return True

    def _skip_chunks(self) -> bool:
        """Go on to the last chunk that is there; whether that is the last of all."""
        while len(self.content) >= self._end:
            line = CHUNK.match(self.content, self._end, self._end + LONGEST_LINE)
            if line is None:
                ended = self.content.find(LINE, self._end, self._end + LONGEST_LINE) >= 0
                self.broken = ended or len(self.content) >= self._end + LONGEST_LINE
                return self.broken
            size = int(line[1], 16)
            if not size:
                self.broken = len(self.content) > line.end() + LONGEST_HEAD
                return self.broken or self.content.find(END, line.end() - len(LINE)) >= 0
            self._in_chunks += size
            self.too_large = self._in_chunks > self._max_body
            if self.too_large:
                return True
            self._end = line.end() + size + len(LINE)
        return False


class Unreader(SocketUnreader):  # type: ignore[misc]
    """Hands the server's parser what was received, before anything that is still to be read, in pieces."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self._received = memoryview(b"")

    def give(self, received: bytearray) -> None:
        """What was received of the next request."""
        self._received = memoryview(received)

    def chunk(self, size_hint: int | None = None) -> bytes:
        if not self._received:
            return bytes(super().chunk(size_hint))
        size = min(max(size_hint or 0, self.mxchunk), self.max_body_chunk)
        part, self._received = bytes(self._received[:size]), self._received[size:]
        return part

    def take_buffered(self) -> bytes:
        taken = bytes(super().take_buffered()) + bytes(self._received)
        self._received = memoryview(b"")
        return taken
