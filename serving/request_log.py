"""The log of requests: a line of JSON each, written by a thread of its own, since who reads them may be slow."""

import atexit
import json
import os
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from serving.metrics import Metrics

# Lines that may wait to be written, that are written at once, and seconds for the last of them.
MOST, AT_ONCE, LAST = 10_000, 100, 2.0
STDOUT = 1
LOST = "suite_log_errors_total"


class RequestLog:
    """Writes to standard output; lines that cannot be written, or not soon enough, are counted and left out."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
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
            rest = "".join([json.dumps(one) + "\n" for one in lines]).encode()
            try:
                # Past Python's buffer: its lock, held where nobody reads, would have this process die at its end.
                while rest:
                    rest = rest[os.write(STDOUT, rest) :]
            except OSError:  # a full disk
                self._metrics.add(LOST, len(lines))

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
