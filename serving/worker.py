"""gunicorn's threaded worker, which also notes when requests came in, and leaves connections to idler neighbours."""

import errno
import mmap
import socket
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from time import monotonic, sleep
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from serving import arrival
from serving.receiving import is_whole

# A worker with so many connections more than the one with the fewest lets others go first, for so many seconds.
AHEAD, YIELD = 1, 0.0005
SLOTS, NONE = 64, -1
# Bytes read at a time, and seconds that a request may take to come in.
PART, PATIENCE = 2**16, 30.0
# Open connections by worker, shared by all workers of a master.
_open = memoryview(mmap.mmap(-1, 4 * SLOTS)).cast("i")
for _slot in range(SLOTS):
    _open[_slot] = NONE
# Whether the master ends, as it does not when it replaces its workers.
_ending = memoryview(mmap.mmap(-1, 1))


def announce_end() -> None:
    """In the master: all workers are about to be ended."""
    _ending[0] = 1


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker of threads; several of them get about as many connections each."""

    def init_process(self) -> None:
        self._count(0)
        super().init_process()

    def accept(self, listener: Any) -> None:
        self._count(self.nr_conns)
        if self.nr_conns > min(count for count in _open if count != NONE) + AHEAD:
            sleep(YIELD)
        self._accept(listener)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive and _ending[0]:
            for listener in self.sockets:
                self._close(listener)

    def enqueue_req(self, conn: Any) -> None:
        """Have a thread take up a request once it is there; over TLS, where only the thread can read, at once."""
        if self.cfg.is_ssl or self._receive(conn):
            conn.data_ready = True
            conn.arrived, conn.ahead = monotonic(), self.tpool._work_queue.qsize()
            super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        arrival.note(conn.arrived, conn.ahead)
        if not self.cfg.is_ssl:
            conn.init()
            conn.parser.unreader.unread(conn.received)
            conn.received = bytearray()
        return super().handle(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        super().finish_request(conn, fs)
        self._count(self.nr_conns)

    def handle_exit(self, sig: int, frame: Any) -> None:
        arrival.stop()
        super().handle_exit(sig, frame)

    def ended(self) -> None:
        """In the master: this worker is no more."""
        self._count(NONE)

    def _receive(self, conn: Any) -> bool:
        """Read what has come in; whether that is a request. If not, it goes on when there is more."""
        if not hasattr(conn, "received"):
            conn.received, conn.since = bytearray(), monotonic()
        elif conn.initialized and not conn.received:
            conn.received += conn.parser.unreader.take_buffered()
            conn.since = monotonic()
        conn.sock.setblocking(False)
        try:
            while not is_whole(conn.received):
                part = conn.sock.recv(PART)
                if not part:
                    raise ConnectionResetError
                conn.received += part
        except BlockingIOError:
            conn.timeout = conn.since + PATIENCE
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
            return False
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return False
        return True

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _accept(self, listener: Any) -> bool:
        """Whether there was a connection to take."""
        before = self.nr_conns
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a neighbour has closed it
                raise
        return bool(self.nr_conns > before)

    def _close(self, listener: Any) -> None:
        """Take up what the kernel has accepted already, then refuse the rest: nobody is left without an answer."""
        while self._accept(listener):
            pass
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)

    def _count(self, connections: int) -> None:
        _open[self.age % SLOTS] = connections
