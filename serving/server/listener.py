"""Takes connections: evenly over workers, and only as many as there is room for."""

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import suppress

from serving.errors import ServiceError
from serving.server import shared_state
from serving.server.connections import Connections
from serving.server.protocol import HttpProtocol
from serving.server.shared_state import Slot

# A worker with so many connections more than the one with the fewest lets others go first: it looks again after so many
# seconds. Where a connection still waits after so many, the others are not there to take it, whatever they are doing.
AHEAD, YIELD, LONGEST_YIELD = 1, 0.001, 0.05
# Connections that are taken at a time, before those that there are have their turn.
AT_A_TIME = 32
# Seconds before it is looked again whether there is room, and whether models have been loaded.
WAIT_FOR_ROOM, WAIT_FOR_MODELS = 0.1, 0.05
# Seconds for TLS to be agreed on, and to be ended.
HANDSHAKE, SHUTDOWN = 10.0, 2.0
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# The first byte of a connection over TLS. https://www.rfc-editor.org/rfc/rfc8446#section-5.1
TLS_HANDSHAKE = b"\x16"
NOT_TLS = "this port speaks TLS: ask https://"

log = logging.getLogger(__name__)


class Listener:
    """Takes connections from a socket that it shares with other workers; those over TLS if there is a `context`."""

    def __init__(
        self, listening: socket.socket, connections: Connections, slot: Slot, most: int,
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._socket, self._connections, self._slot, self._most = listening, connections, slot, most
        self._context = context
        self._loop = connections.loop
        self._timer: asyncio.TimerHandle | None = None
        # When it began to let others go first, when it did so last, and how many connections the one of them had.
        self._yielding_since = self._yielded_at = 0.0
        self._fewest = 0
        self.is_loaded = self._is_open = False

    def start(self) -> None:
        """Take connections from now on."""
        self._socket.setblocking(False)
        self._is_open = True
        self._listen()

    def stop(self) -> None:
        """Take no more connections; if the whole service ends, none but those that the kernel has accepted."""
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
        """How many connections there are, those included that are being opened; the other workers are told.

        They are not told by one that takes none, not yet or no longer: they would wait for it.
        """
        count = len(self._connections)
        if self._takes_some():
            self._slot.count(count)
        return count

    def _takes_some(self) -> bool:
        return self._is_open and (self.is_loaded or not self._slot.has_loaded_neighbour())

    def _listen(self) -> None:
        self._timer = None
        if self._is_open:
            self._loop.add_reader(self._socket, self._take)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._socket)
        self._timer = self._timer or self._loop.call_later(seconds, self._listen)

    def _take(self) -> None:
        if not self._takes_some():
            self._pause(WAIT_FOR_MODELS)
            return
        for _ in range(AT_A_TIME):
            count = self.count()
            if count >= self._most:
                # The place of a connection that is closed for another is free once the loop comes back here.
                if not (self._connections.make_room() and self._accept()):
                    self._pause(WAIT_FOR_ROOM)
                return
            fewest = self._slot.fewest()
            if count > fewest + AHEAD and self._yields_to(fewest):
                self._pause(YIELD)
                return
            if not self._accept():
                return

    def _yields_to(self, fewest: int) -> bool:
        """Whether to let others go first once more: those that have `fewest` connections, as long as they take some."""
        now = self._loop.time()
        if fewest != self._fewest or now > self._yielded_at + LONGEST_YIELD:
            self._yielding_since = now
        self._fewest, self._yielded_at = fewest, now
        return now < self._yielding_since + LONGEST_YIELD

    def _accept(self) -> bool:
        """Take one connection; whether there was one."""
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno in NO_ROOM:
                self._connections.make_room()
                if self._is_open:
                    self._pause(WAIT_FOR_ROOM)
            # Else it was closed again at once, or a neighbour has closed the socket.
            return error.errno == errno.ECONNABORTED
        connection.setblocking(False)
        opening = self._loop.create_task(self._open(connection))
        self._connections.opening.add(opening)
        opening.add_done_callback(self._connections.opening.discard)
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            if self._context is None:
                await self._loop.connect_accepted_socket(lambda: HttpProtocol(self._connections, "http"), connection)
            else:
                await self._open_tls(connection, self._context)
        except (OSError, TimeoutError):  # ssl.SSLError among them: it ends its own connection
            connection.close()

    async def _open_tls(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        async with asyncio.timeout(HANDSHAKE):
            first = await self._first_byte(connection)
        if first != TLS_HANDSHAKE:
            refusal = ServiceError(400, NOT_TLS)
            await self._loop.connect_accepted_socket(
                lambda: HttpProtocol(self._connections, "http", refusal), connection
            )
            return
        await self._loop.connect_accepted_socket(
            lambda: HttpProtocol(self._connections, "https"), connection, ssl=context,
            ssl_handshake_timeout=HANDSHAKE, ssl_shutdown_timeout=SHUTDOWN,
        )  # fmt: skip

    async def _first_byte(self, connection: socket.socket) -> bytes:
        """What the client sends first, left where it is; empty where it has closed."""
        readable = asyncio.Event()
        self._loop.add_reader(connection, readable.set)
        try:
            await readable.wait()
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK)
