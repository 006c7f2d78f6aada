"""What a worker logs is written by a thread, so that a log that nobody reads delays nothing."""

import fcntl
import logging
import os
import time
from contextlib import suppress

from serving.observability import log_queue


class Pipe(logging.Handler):
    """Writes into a pipe, as long as somebody has its other end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(BrokenPipeError):
            os.write(self.descriptor, f"{record.getMessage()}\n".encode())


def test_a_log_that_nobody_reads_delays_nothing() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    logger = logging.Logger("unread")
    logger.addHandler(Pipe(writing))
    begun = time.monotonic()
    with log_queue.writing(logger):
        for number in range(2 * log_queue.MAX_WAITING):
            logging.getLogger("serving.anything").error("line %d", number)
        logged = time.monotonic()
    ended = time.monotonic()
    # The thread that writes is set free.
    os.close(reading)
    assert logged - begun < 5
    assert ended - logged < log_queue.END_TIMEOUT + 1


def test_every_line_is_written_where_somebody_reads() -> None:
    lines: list[str] = []

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.Logger("read")
    logger.addHandler(Reader())
    before = logging.getLogger().handlers
    with log_queue.writing(logger):
        for number in range(100):
            logging.getLogger("serving.anything").error("line %d", number)
    assert lines == [f"line {number}" for number in range(100)]
    assert logging.getLogger().handlers == before
