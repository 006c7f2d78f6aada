"""Log records are written by a thread of their own: who reads them may be slow, or not read at all."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from threading import Thread
from typing import Any

# Records that may wait to be written, and seconds for the last of them.
MOST, LAST = 10_000, 2.0


class _LosingHandler(QueueHandler):
    """Puts records into a queue; those for which there is no room are lost."""

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
    """In this block, what is logged anywhere goes to the handlers of `logger`, by way of a thread."""
    queue: Queue[Any] = Queue(MOST)
    root, handlers, propagates = logging.getLogger(), logger.handlers, logger.propagate
    before = root.handlers
    listener = _Listener(queue, *handlers)
    root.handlers, logger.handlers, logger.propagate = [_LosingHandler(queue)], [], True
    listener.start()
    try:
        yield
    finally:
        root.handlers, logger.handlers, logger.propagate = before, handlers, propagates
        last = Thread(target=listener.stop, daemon=True)
        last.start()
        last.join(LAST)
