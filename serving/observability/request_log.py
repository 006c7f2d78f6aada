"""The log of requests: a line of JSON each, written by a thread of its own, since who reads them may be slow."""

import atexit
import json
import os
from collections.abc import Iterator
from queue import SimpleQueue
from select import PIPE_BUF, select
from threading import Thread
from typing import Any

from serving.observability.metrics import Metrics

# Lines that may wait to be written, that are written at once, and seconds for the last of them.
MOST, AT_ONCE, LAST = 10_000, 100, 2.0
STDOUT = 1
LOST = "suite_log_errors_total"


class RequestLog:
    """Writes to standard output; lines that cannot be written, or not soon enough, are counted and left out."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._torn = b""
        self._waiting: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._thread = Thread(target=self._write_all, name="request-log", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def put(self, line: dict[str, Any]) -> None:
        """Have a line written, without waiting for that."""
        if self._waiting.qsize() < MOST:
            self._waiting.put(line)
        else:
            self._metrics.add(LOST)

    def _write_all(self) -> None:
        while line := self._waiting.get():
            lines = [line, *self._more()]
            for some in _pieces([f"{json.dumps(one)}\n".encode() for one in lines]):
                self._write(some)

    def _write(self, lines: list[bytes]) -> None:
        rest = self._torn + b"".join(lines)
        size, self._torn = len(rest), b""
        while rest:
            try:
                # Past Python's buffer: its lock, held where nobody reads, would have this process die at its end.
                rest = rest[os.write(STDOUT, rest) :]
            except BlockingIOError:
                select([], [STDOUT], [])
            except OSError:  # a full disk, perhaps in the midst of a line
                self._metrics.add(LOST, len(lines))
                self._torn = b"\n" if len(rest) < size else b""
                return

    def _more(self) -> Iterator[dict[str, Any]]:
        """What waits besides."""
        for _ in range(min(AT_ONCE, self._waiting.qsize())):
            line = self._waiting.get()
            if line is None:
                self._waiting.put(None)
                return
            yield line

    def _end(self) -> None:
        self._waiting.put(None)
        self._thread.join(LAST)


def _pieces(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Lines that a pipe takes at once, so that those of other workers do not come in between."""
    piece, size = list[bytes](), 0
    for line in lines:
        if piece and size + len(line) > PIPE_BUF:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece
