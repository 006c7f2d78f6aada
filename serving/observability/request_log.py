"""The access log: one line of JSON a request, written by a separate thread, because the log's reader may be slow."""

import atexit
import json
import os
from collections.abc import Iterator
from queue import SimpleQueue
from select import PIPE_BUF, select
from threading import Thread
from typing import Any

from serving.observability.metrics import Metrics

# Lines that may wait, lines that are written at once, and seconds for writing the last ones at the end.
MAX_WAITING, MAX_AT_ONCE, END_TIMEOUT = 10_000, 100, 2.0
STDOUT = 1
LOST = "suite_log_errors_total"


class RequestLog:
    """Writes lines to standard output. Lines that cannot be written, or not soon enough, are dropped and counted."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._torn = b""
        self._waiting: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._thread = Thread(target=self._write_all, name="request-log", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def put(self, line: dict[str, Any]) -> None:
        """Queue a line to be written."""
        if self._waiting.qsize() < MAX_WAITING:
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
                # Bypass Python's buffer: if nobody reads, its lock would stay held, and Python would abort on exit.
                rest = rest[os.write(STDOUT, rest) :]
            except BlockingIOError:
                select([], [STDOUT], [])
            except OSError:  # for example a full disk, possibly in the middle of a line
                self._metrics.add(LOST, len(lines))
                self._torn = b"\n" if len(rest) < size else b""
                return

    def _more(self) -> Iterator[dict[str, Any]]:
        """Yield further waiting lines."""
        for _ in range(min(MAX_AT_ONCE, self._waiting.qsize())):
            line = self._waiting.get()
            if line is None:
                self._waiting.put(None)
                return
            yield line

    def _end(self) -> None:
        self._waiting.put(None)
        self._thread.join(END_TIMEOUT)


def _pieces(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Group lines into pieces that a pipe accepts atomically, so that lines of other workers do not mix with them."""
    piece, size = list[bytes](), 0
    for line in lines:
        if piece and size + len(line) > PIPE_BUF:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece
