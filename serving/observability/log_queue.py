"""Writes log records on a separate thread, so that a slow or stuck reader of the log delays nothing else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from threading import Thread
from typing import Any

# Records that may wait to be written, and seconds for writing the last ones at the end.
MAX_WAITING, END_TIMEOUT = 10_000, 2.0


class _DroppingHandler(QueueHandler):
    """Puts records into a queue, and drops them if it is full."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)


class _Listener(QueueListener):
    """Waits for room in the queue when it is told to stop."""

    queue: Queue[Any]

    def enqueue_sentinel(self) -> None:
        self.queue.put(None)


@contextmanager
def writing(logger: logging.Logger) -> Iterator[None]:
    """Within this block, pass all log records to the handlers of `logger` on a separate thread."""
    queue: Queue[Any] = Queue(MAX_WAITING)
    root, handlers, propagates = logging.getLogger(), logger.handlers, logger.propagate
    before = root.handlers
    listener = _Listener(queue, *handlers)
    root.handlers, logger.handlers, logger.propagate = [_DroppingHandler(queue)], [], True
    listener.start()
    try:
        yield
    finally:
        root.handlers, logger.handlers, logger.propagate = before, handlers, propagates
        last = Thread(target=listener.stop, daemon=True)
        last.start()
        last.join(END_TIMEOUT)
