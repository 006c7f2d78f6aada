"""gunicorn's threaded worker, whose event loop also receives requests, answers what is answered quickly, and leaves
connections to idler neighbours.
"""

import errno
import mmap
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from time import monotonic, sleep
from typing import Any

from gunicorn.http import get_parser
from gunicorn.sock import ssl_context
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from serving import context as arrival
from serving.config import DIRECT, MEBIBYTE, Config
from serving.server.pool import Pool
from serving.server.prompt import Prompt
from serving.server.receiving import Incoming, Unreader
from serving.server.tls import PART, Secured

# A worker with so many connections more than the one with the fewest lets others go first, for so many seconds.
AHEAD, YIELD = 1, 0.0005
SLOTS, NONE = 64, -1
# How often a PART is read in a row before others have their turn.
PARTS = 16
# Seconds that a request may take to come in, or each further mebibyte of one; and a closing one after its answer.
PATIENCE, LINGER = 30.0, 2.0
# And between two looks at who has none left: hundreds may be on their way.
SWEEP = 0.2
# So many of the largest bodies may be on their way to a worker. Who has sent no more than that is never refused because
# of what others have.
BODIES, SMALL = 8, 2**16
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Open connections by worker, shared by all workers of a master.
_open = memoryview(mmap.mmap(-1, 4 * SLOTS)).cast("i")
for _slot in range(SLOTS):
    _open[_slot] = NONE
# Which of them have loaded their models.
_loaded = memoryview(mmap.mmap(-1, SLOTS))
# Whether the master ends, as it does not when it replaces its workers.
_ending = memoryview(mmap.mmap(-1, 1))


def announce_end() -> None:
    """In the master: all workers are about to be ended."""
    _ending[0] = 1


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker; several of them get about as many connections each."""

    def init_process(self) -> None:
        self._max_body = Config.from_environment().max_body
        # Bytes of requests that have no answer yet.
        self._held, self._most_held = 0, self._max_body * BODIES
        self._looked = self._turn = self._swept = monotonic()
        self._part = memoryview(bytearray(PART))
        self._tls = ssl_context(self.cfg) if self.cfg.is_ssl else None
        self._count(0)
        super().init_process()

    def get_thread_pool(self) -> Pool:
        return Pool(self.cfg.threads)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        scheme = "https" if self._tls else "http"
        self._prompt = Prompt(self.wsgi.extensions[DIRECT], scheme, self.tpool, self.method_queue.defer, self._end)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        events = self.poller.select(0)
        # What is there at once may have come right after the last look.
        self._turn = self._looked
        if not events and not self._prompt.waits:
            events = self.poller.select(timeout)
            self._turn = monotonic()
        self._looked = monotonic()
        for key, _ in events:
            key.data(key.fileobj)
        self._prompt.turn()

    def accept(self, listener: Any) -> None:
        self._count(self.nr_conns)
        if any(_loaded) and not arrival.is_loaded():
            # A neighbour has models to answer with.
            sleep(YIELD)
            return
        if self.nr_conns > min(count for count in _open if count != NONE) + AHEAD:
            sleep(YIELD)
        self._accept(listener)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive and _ending[0]:
            for listener in self.sockets:
                self._close(listener)

    def enqueue_req(self, conn: Any) -> None:
        """Have a request answered, here or by a thread, once it is there."""
        if self._receive(conn) and not self._answers(conn):
            conn.data_ready = True
            conn.arrival = arrival.Arrival(self._turn, self.tpool.waiting, conn.refusal)
            super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        arrival.note(conn.arrival)
        if not conn.initialized:
            conn.initialized = True
            conn.parser = get_parser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader = Unreader(conn.sock)
        conn.parser.unreader.give(conn.incoming.content)
        conn.incoming = None
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        if conn.refusal:  # what may follow is the rest of a body
            req.force_close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        self._release(conn)
        if not fs.cancelled() and fs.exception() is None and fs.result():
            # Where it looks for a request that came with this one.
            conn.parser.unreader.unread(conn.parser.unreader.take_buffered())
            super().finish_request(conn, fs)
        else:
            self._linger(conn)
        self._count(self.nr_conns)

    def murder_pending(self) -> None:
        self._count(self.nr_conns)
        now = monotonic()
        if now < self._swept + SWEEP:
            return
        self._swept = now
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            self._take_up(conn)
            self._drop(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        arrival.stop()
        super().handle_exit(sig, frame)

    def ended(self) -> None:
        """In the master: this worker is no more."""
        self._count(NONE)

    def _answers(self, conn: Any) -> bool:
        """Whether the answer to a request has begun here."""
        stays = self.alive and len(self.keepalived_conns) < self.max_keepalived
        return bool(stays and not conn.refusal and self._prompt.takes(conn, self._turn))

    def _end(self, conn: Any, stays: bool) -> None:
        """A connection has its answer."""
        self._release(conn)
        if stays:
            conn.sock.setblocking(False)
            conn.set_timeout()
            if not self.alive:
                conn.timeout = min(conn.timeout, monotonic() + STOP_KEEPALIVE_LINGER)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))
            self.keepalived_conns.append(conn)
        else:
            self._linger(conn)
        self._count(self.nr_conns)

    def _receive(self, conn: Any) -> bool:
        """Read what has come in; whether that is a request. If not, it goes on when there is more."""
        if getattr(conn, "incoming", None) is None:
            conn.incoming, conn.refusal, conn.held, conn.since = Incoming(self._max_body), None, 0, monotonic()
            if conn.initialized:
                conn.incoming.content += conn.parser.unreader.take_buffered()
        try:
            conn.sock.setblocking(False)
            if self._tls and not isinstance(conn.sock, Secured):
                conn.sock = Secured(conn.sock, self._tls)
            is_whole = self._read(conn)
        except BlockingIOError:
            is_whole = False
        except OSError:
            self._drop(conn)
            return False
        if not is_whole:
            conn.timeout = conn.since + PATIENCE
            self._wait(conn, self.on_pending_socket_readable)
        return is_whole

    def _read(self, conn: Any) -> bool:
        """Whether a thread can take it up after a turn of reading; OSError where nothing is there, now or ever."""
        incoming = conn.incoming
        for _ in range(PARTS):
            if self._is_decided(conn):
                return True
            if incoming.expects:
                conn.sock.send(CONTINUE)
                incoming.expects = False
            size = conn.sock.recv_into(self._part)
            if not size:
                raise ConnectionResetError
            before = len(incoming.content)
            incoming.content += self._part[:size]
            if before // MEBIBYTE < len(incoming.content) // MEBIBYTE:
                conn.since = monotonic()
            conn.held += size
            self._held += size
        return self._is_decided(conn)

    def _is_decided(self, conn: Any) -> bool:
        """Whether the request is there, or is refused before that."""
        incoming = conn.incoming
        whole = incoming.is_whole()
        crowded = not whole and self._held > self._most_held and len(incoming.content) > SMALL
        if not (whole or crowded):
            return False
        if incoming.too_large or incoming.broken or crowded:
            if not incoming.head:
                raise ConnectionResetError
            from serving.errors import not_received  # not in the master, which imports this module too

            conn.refusal = not_received(incoming.too_large, crowded, self._max_body)
            del incoming.content[incoming.head :]
            self._release(conn)
        return True

    def _release(self, conn: Any) -> None:
        """What it sent is not held any longer."""
        self._held -= getattr(conn, "held", 0)
        conn.held = 0

    def _drop(self, conn: Any) -> None:
        self._release(conn)
        self.nr_conns -= 1
        conn.close()

    def _wait(self, conn: Any, go_on: Callable[[Any, Any], None]) -> None:
        """Go on when there is more to read, or drop the connection after its time."""
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(go_on, conn))

    def _take_up(self, conn: Any) -> None:
        """It does not wait any longer."""
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def _linger(self, conn: Any) -> None:
        """Close when the other side does: one that is still sending would not see its answer."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        refused = getattr(conn, "refusal", None)
        conn.timeout, conn.left = monotonic() + (PATIENCE if refused else LINGER), 2 * self._max_body
        self._drain(conn)

    def _drain(self, conn: Any) -> None:
        """Read a turn of what nobody wants; no more of it than two bodies may have."""
        try:
            for _ in range(PARTS):
                size = conn.sock.recv_into(self._part)
                conn.left -= size
                if not size or conn.left < 0:
                    self._drop(conn)
                    return
        except BlockingIOError:
            pass
        except OSError:
            self._drop(conn)
            return
        self._wait(conn, self._on_lingering)

    def _on_lingering(self, conn: Any, _: Any) -> None:
        self._take_up(conn)
        self._drain(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            if getattr(conn, "held", 0) <= SMALL:  # a large one may come to its end
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
        _loaded[self.age % SLOTS] = connections != NONE and arrival.is_loaded()
