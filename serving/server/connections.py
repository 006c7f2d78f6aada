"""All connections of a worker: what they may hold together, and how they come to their end."""

import asyncio
from asyncio import AbstractEventLoop
from time import monotonic

from serving.server.protocol import Application, HttpProtocol

# Seconds between two looks at who has no time left.
SWEEP = 0.2
# So many of the largest bodies may be on their way to a worker, and so many bytes of answers that nobody reads.
BODIES, MOST_UNSENT = 8, 256 * 2**20
# Seconds that a worker which is about to end still waits for a next request on a connection that was kept.
LAST_REQUEST = 1.0
# A connection that is this young (seconds) is not closed to make room for another: its request may be on its way.
YOUNG = 0.25


class Connections:
    """The connections of a worker to one application. `held` are the bytes of requests that have no answer yet."""

    def __init__(
        self, application: Application, loop: AbstractEventLoop, max_body: int, keep_alive: float, root_path: str
    ) -> None:
        self.application, self.loop = application, loop
        self.max_body, self.keep_alive, self.root_path = max_body, keep_alive, root_path
        self.held, self.max_held = 0, BODIES * max_body
        self.is_closing = False
        # Accepted, and not connections yet: TLS is being agreed on.
        self.opening: set[asyncio.Task[None]] = set()
        # In the order in which they were made.
        self._all: dict[HttpProtocol, float] = {}
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all) + len(self.opening)

    def add(self, connection: HttpProtocol) -> None:
        """Look after a connection from now on."""
        self._all[connection] = monotonic()
        if self.is_closing:
            connection.close_soon(monotonic() + LAST_REQUEST)

    def remove(self, connection: HttpProtocol) -> None:
        """A connection is closed."""
        self._all.pop(connection, None)
        if not self._all:
            self._emptied.set()

    def sweep(self) -> None:
        """End connections whose time is over, and those that read too slowly while too much waits for them."""
        now, unsent = monotonic(), 0
        paused = list[HttpProtocol]()
        for connection in list(self._all):
            if connection.expires_at <= now:
                connection.expire()
            elif connection.is_writing_paused:
                paused.append(connection)
                unsent += connection.transport.get_write_buffer_size()
        for connection in paused:
            if unsent <= MOST_UNSENT:
                break
            unsent -= connection.transport.get_write_buffer_size()
            connection.transport.abort()

    def make_room(self) -> bool:
        """Close the oldest connection on which nothing is being asked, or only half a request is there."""
        before = monotonic() - YOUNG
        old = [connection for connection, made_at in self._all.items() if made_at < before]
        idle = next((one for one in old if one.is_idle), None)
        chosen = idle or next((one for one in old if one.is_receiving), None)
        if chosen is None:
            return False
        chosen.transport.abort()
        self.remove(chosen)
        return True

    async def close(self, seconds: float) -> bool:
        """Have all requests answered, then the connections closed: by force after so many seconds, then it is False."""
        self.is_closing = True
        begun = monotonic()
        for connection in list(self._all):
            connection.close_soon(begun + LAST_REQUEST)
        while (self._all and monotonic() < begun + seconds) or (self.opening and monotonic() < begun + LAST_REQUEST):
            self._emptied.clear()
            try:
                async with asyncio.timeout(SWEEP):
                    await self._emptied.wait()
            except TimeoutError:
                self.sweep()
        is_done = not self._all
        for connection in list(self._all):
            connection.transport.abort()
        await asyncio.sleep(0)
        return is_done
