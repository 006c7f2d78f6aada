"""All connections of a worker: the memory that they may use together, their timeouts and their shutdown."""

import asyncio
from asyncio import AbstractEventLoop
from time import monotonic

from serving.errors import ServiceError
from serving.server.protocol import SMALL_REQUEST, Application, HttpProtocol

# Seconds between two checks for expired connections.
SWEEP_INTERVAL = 0.2
# A worker may be receiving request data worth this many bodies of the largest allowed size, and may hold this many
# bytes of responses that clients have not read.
MAX_BODIES, MAX_UNSENT = 8, 256 * 2**20
# Seconds for which a worker that is shutting down keeps idle connections open, in case another request arrives: if the
# service ends, and if another worker takes over. A request that crosses with the closing of its connection is lost, and
# a proxy also uses connections that have been idle for a while.
IDLE_TIMEOUT, REPLACED_IDLE_TIMEOUT = 1.0, 4.0
# Connections younger than this (seconds) are not closed to make room: their first request may be about to arrive.
MIN_AGE = 0.25
# A large body may take this many seconds to arrive before it has to make room for another.
MIN_TRANSFER = 5.0
REPLACED = "other large bodies needed the room of this one, which came slowly: send it again"


class Connections:
    """The connections of a worker, for one application. `held` counts the bytes of requests not answered yet.

    `answered` counts all responses to whole requests.
    """

    def __init__(
        self, application: Application, loop: AbstractEventLoop, max_body: int, keep_alive: float, root_path: str
    ) -> None:
        self.application, self.loop = application, loop
        self.max_body, self.keep_alive, self.root_path = max_body, keep_alive, root_path
        self.held, self.max_held = 0, MAX_BODIES * max_body
        self.is_closing, self.answered = False, 0
        # Tasks for accepted sockets that are not connections yet, for example because the TLS handshake is going on.
        # And when they were accepted.
        self.opening: dict[asyncio.Task[None], float] = {}
        # Connections and when they were made, oldest first.
        self._all: dict[HttpProtocol, float] = {}
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all) + len(self.opening)

    def add(self, connection: HttpProtocol) -> None:
        """Register a new connection."""
        self._all[connection] = monotonic()
        if self.is_closing:
            connection.close_soon(monotonic() + IDLE_TIMEOUT)

    def remove(self, connection: HttpProtocol) -> None:
        """Forget a connection that was closed."""
        self._all.pop(connection, None)
        if not self._all:
            self._emptied.set()

    def sweep(self) -> None:
        """End expired connections, and slow readers while too many bytes of responses wait to be read."""
        now, unsent = monotonic(), 0
        unread = list[HttpProtocol]()
        for connection in list(self._all):
            if connection.expires_at <= now:
                connection.expire()
            elif connection.writer.is_paused:
                unread.append(connection)
                unsent += connection.writer.unsent
        for connection in unread:
            if unsent <= MAX_UNSENT:
                break
            unsent -= connection.writer.unsent
            connection.transport.abort()

    def make_room(self) -> bool:
        """Close a connection, of those that are ending, idle, opening, receiving or unread; return False without one.

        Of each kind the oldest is closed, but of those whose client does not read the one with the least time left.
        """
        before = monotonic() - MIN_AGE
        old = [connection for connection, made_at in self._all.items() if made_at < before]
        chosen = next((one for one in old if one.is_ending), None) or next((one for one in old if one.is_idle), None)
        if chosen is None:
            opening = next((task for task, accepted_at in self.opening.items() if accepted_at < before), None)
            if opening:
                self.opening.pop(opening)
                return opening.cancel()
            unread = [one for one in old if one.writer.is_paused]
            chosen = next((one for one in old if one.is_receiving), None) or min(
                unread, key=lambda one: one.expires_at, default=None
            )
        if chosen is None:
            return False
        chosen.transport.abort()
        self.remove(chosen)
        return True

    def make_room_for_bodies(self, connection: HttpProtocol) -> bool:
        """Refuse the body that has been arriving for the longest time, if that is long; return whether there is room.

        The body of `connection` itself is not refused.
        """
        before = monotonic() - MIN_TRANSFER
        others = (one for one in self._all if one.is_receiving and one is not connection and one.began_at < before)
        longest = min((one for one in others if one.held > SMALL_REQUEST), key=lambda one: one.began_at, default=None)
        if longest:
            longest.refuse(ServiceError(503, REPLACED, retry_after=1))
        return self.held <= self.max_held

    async def close(self, seconds: float, idle: float) -> bool:
        """Close all connections once their requests are answered; after `seconds`, abort the rest and return False.

        Idle ones are closed after `idle` seconds.
        """
        self.is_closing = True
        begun = monotonic()
        for connection in list(self._all):
            connection.close_soon(begun + idle)
        while (self._all and monotonic() < begun + seconds) or (self.opening and monotonic() < begun + IDLE_TIMEOUT):
            self._emptied.clear()
            try:
                async with asyncio.timeout(SWEEP_INTERVAL):
                    await self._emptied.wait()
            except TimeoutError:
                self.sweep()
        is_done = not self._all
        for connection in list(self._all):
            connection.transport.abort()
        await asyncio.sleep(0)
        return is_done
