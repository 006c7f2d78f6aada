"""Accepts connections: spread evenly over the workers, and only as many as there is room for."""

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import suppress
from time import monotonic

from serving.errors import ServiceError
from serving.server import shared_state
from serving.server.connections import Connections
from serving.server.protocol import HttpProtocol
from serving.server.response_writer import TRANSFER_TIMEOUT
from serving.server.shared_state import Slot

# A worker that has over MAX_LEAD connections more than the worker with the fewest lets the others accept first, and
# looks again after YIELD_INTERVAL seconds. If a connection still waits after YIELD_TIMEOUT seconds, the others are too
# busy to accept it, and this worker does.
MAX_LEAD, YIELD_INTERVAL, YIELD_TIMEOUT = 1, 0.001, 0.05
# Connections that are accepted in a row before the event loop serves existing ones.
ACCEPTS_IN_A_ROW = 32
# Seconds before checking again whether there is room, and whether models have been loaded.
WAIT_FOR_ROOM, WAIT_FOR_MODELS = 0.1, 0.05
# Seconds for the TLS handshake.
HANDSHAKE_TIMEOUT = 10.0
OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# The first byte of a connection over TLS. https://www.rfc-editor.org/rfc/rfc8446#section-5.1
TLS_HANDSHAKE = b"\x16"
NOT_TLS = "this port speaks TLS: ask https://"

log = logging.getLogger(__name__)


class Listener:
    """Accepts up to `limit` connections on a socket shared with other workers; over TLS if `context` is given."""

    def __init__(
        self, listening: socket.socket, connections: Connections, slot: Slot, limit: int,
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._socket, self._connections, self._slot, self._limit = listening, connections, slot, limit
        self._context = context
        self._loop = connections.loop
        self._timer: asyncio.TimerHandle | None = None
        # When this worker began to let others accept first, when it last did so, and `fewest` at that time.
        self._yielding_since = self._yielded_at = 0.0
        self._fewest = 0
        self.is_loaded = self._is_open = False

    def start(self) -> None:
        """Start accepting connections."""
        self._socket.setblocking(False)
        self._is_open = True
        self._listen()

    def stop(self) -> None:
        """Stop accepting. If the whole service is ending, first accept the connections in the kernel's queue."""
        if shared_state.is_ending() and self._is_open:
            while self._accept():
                pass
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._is_open = False
        self._loop.remove_reader(self._socket)
        if self._timer:
            self._timer.cancel()

    def count(self) -> int:
        """Return the number of connections, including those being opened, and publish it to the other workers.

        A worker that does not accept connections (not yet or no longer) publishes nothing, or others would wait for it.
        """
        count = len(self._connections)
        if self._is_accepting():
            self._slot.count(count)
        return count

    def _is_accepting(self) -> bool:
        return self._is_open and (self.is_loaded or not self._slot.has_loaded_neighbour())

    def _listen(self) -> None:
        self._timer = None
        if self._is_open:
            self._loop.add_reader(self._socket, self._accept_waiting)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._socket)
        self._timer = self._timer or self._loop.call_later(seconds, self._listen)

    def _accept_waiting(self) -> None:
        if not self._is_accepting():
            self._pause(WAIT_FOR_MODELS)
            return
        for _ in range(ACCEPTS_IN_A_ROW):
            count = self.count()
            if count >= self._limit:
                # The place of a connection closed by `make_room` is free only after the loop's next iteration.
                if not (self._connections.make_room() and self._accept()):
                    self._pause(WAIT_FOR_ROOM)
                return
            fewest = self._slot.fewest()
            if count > fewest + MAX_LEAD and self._yields_to(fewest):
                self._pause(YIELD_INTERVAL)
                return
            if not self._accept():
                return

    def _yields_to(self, fewest: int) -> bool:
        """Return whether to let the workers with `fewest` connections accept first; they may for a limited time."""
        now = self._loop.time()
        if fewest != self._fewest or now > self._yielded_at + YIELD_TIMEOUT:
            self._yielding_since = now
        self._fewest, self._yielded_at = fewest, now
        return now < self._yielding_since + YIELD_TIMEOUT

    def _accept(self) -> bool:
        """Accept one connection; return whether to try for another."""
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno in OUT_OF_RESOURCES:
                self._connections.make_room()
                if self._is_open:
                    self._pause(WAIT_FOR_ROOM)
            # Otherwise the client closed the connection at once, or another worker has shut the socket down.
            return error.errno == errno.ECONNABORTED
        connection.setblocking(False)
        opening = self._loop.create_task(self._open(connection))
        self._connections.opening[opening] = monotonic()
        opening.add_done_callback(lambda done: self._connections.opening.pop(done, None))
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            if self._context is None:
                await self._loop.connect_accepted_socket(lambda: HttpProtocol(self._connections, "http"), connection)
            else:
                await self._open_tls(connection, self._context)
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError: a failed handshake ends only its own connection
            connection.close()
        except asyncio.CancelledError:
            # Another connection needed its room.
            connection.close()
            raise

    async def _open_tls(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            first = await self._first_byte(connection)
        if first != TLS_HANDSHAKE:
            refusal = ServiceError(400, NOT_TLS)
            await self._loop.connect_accepted_socket(
                lambda: HttpProtocol(self._connections, "http", refusal), connection
            )
            return
        await self._loop.connect_accepted_socket(
            lambda: HttpProtocol(self._connections, "https"), connection, ssl=context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT, ssl_shutdown_timeout=TRANSFER_TIMEOUT,
        )  # fmt: skip

    async def _first_byte(self, connection: socket.socket) -> bytes:
        """Return the first byte from the client without consuming it; empty if the client has closed."""
        readable = asyncio.Event()
        self._loop.add_reader(connection, readable.set)
        try:
            await readable.wait()
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK)
