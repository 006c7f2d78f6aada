"""Answers that a worker's event loop gives itself, since handing them to a thread would take longer than they take.

A step that takes long is taken by a thread, and the answer goes on here after it.
"""

import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from serving.context import ARRIVAL, SOCKET, Arrival
from serving.scheduling.operations import Step, carry_out, next_step
from serving.server import plain
from serving.server.pool import Pool, Task, aside

if TYPE_CHECKING:
    from serving.http.dispatch import Direct
    from serving.scheduling.batcher import Lane, Run

# Seconds that the runs of a turn may take, before connections are looked at again; and that a client may take to read.
TURN, PATIENCE = 0.02, 30.0
# No time left, but not none at all: a socket would not wait, and say so otherwise.
MOMENT = 0.001
# An answer of more rows is written by a thread.
MANY = 256
log = logging.getLogger(__name__)


class Prompt:
    """Answers from `application` to what came over `scheme`. `pool` takes what is handed over; `defer` has something
    called in the event loop, where `ended` is told of each connection that has its answer, and whether it stays.
    """

    def __init__(
        self, application: "Direct", scheme: str, pool: Pool, defer: Callable[..., None],
        ended: Callable[[Any, bool], None],
    ) -> None:  # fmt: skip
        self._application, self._scheme, self._pool, self._defer = application, scheme, pool, defer
        self._ended = ended
        # What waits to be run together with others, by lane; and whose answers wait for it.
        self._gathered: dict[Lane, deque[Run]] = {}
        self._whose: dict[Run, tuple[Any, Coroutine[Step, None, Any]]] = {}

    def takes(self, conn: Any, since: float) -> bool:
        """Begin the answer to a request that came in then; False for one that is to be read by a thread."""
        environ = plain.read(conn.incoming.content)
        answering = None if environ is None else self._application.answering(environ)
        if environ is None or answering is None:
            return False
        environ[ARRIVAL], environ[SOCKET] = Arrival(since), conn.sock
        environ["wsgi.url_scheme"] = self._scheme
        environ["REMOTE_ADDR"] = conn.client[0] if isinstance(conn.client, tuple) else ""
        conn.incoming = None
        self._go_on(conn, answering)
        return True

    @property
    def waits(self) -> bool:
        """Whether there is something left of a turn."""
        return bool(self._gathered)

    def turn(self) -> None:
        """Run what has been gathered, together where it fits; what does not fit into a turn is left for the next."""
        until = monotonic() + TURN
        while self._gathered and monotonic() < until:
            lane = next(iter(self._gathered))
            # Last, if something is left of it: other models have their turn.
            waiting = self._gathered.pop(lane)
            ran = lane.run_here(waiting)
            if ran and waiting:
                self._gathered[lane] = waiting
            for run in ran or waiting:
                conn, answering = self._whose.pop(run)
                if ran or self._is_refused(run):
                    self._go_on(conn, answering)
                else:
                    self._start(conn, answering, run)

    def _go_on(self, conn: Any, answering: Coroutine[Step, None, Any]) -> None:
        try:
            self._advance(conn, answering)
        except Exception:
            log.exception("a request could not be answered")
            self._ended(conn, False)

    def _advance(self, conn: Any, answering: Coroutine[Step, None, Any]) -> None:
        """As far as it goes here."""
        step, answer = next_step(answering)
        while step:
            run = step.quick()
            if run:
                self._gathered.setdefault(run.lane, deque()).append(run)
                self._whose[run] = conn, answering
                return
            if not self._is_refused(step):
                self._start(conn, answering, step)
                return
            step, answer = next_step(answering)
        self._send(conn, plain.written(*answer))

    def _start(self, conn: Any, answering: Coroutine[Step, None, Any], step: Step) -> None:
        """Have threads take a step; then it goes on here."""
        if step.rows > MANY:
            finished = partial(self._hand_over, conn, self._rest, answering)
        else:
            finished = partial(self._defer, self._go_on, conn, answering)
        step.start(self._pool.submit, finished)

    def _is_refused(self, step: Step) -> bool:
        """Whether there are too many before it."""
        step.error = self._application.crowded(self._pool.waiting)
        return step.error is not None

    def _send(self, conn: Any, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[conn.sock.send(rest) :]
        except BlockingIOError:
            self._hand_over(conn, self._deliver, rest)
        except OSError:
            self._ended(conn, False)
        else:
            self._ended(conn, True)

    def _hand_over(self, conn: Any, function: Callable[..., bool], *arguments: Any) -> None:
        task = self._pool.submit(function, conn, *arguments)
        task.add_done_callback(lambda task: self._defer(self._on_done, conn, task))

    def _on_done(self, conn: Any, task: Task) -> None:
        if task.exception():
            log.error("a request could not be answered", exc_info=task.exception())
        self._ended(conn, bool(task.result()))

    def _rest(self, conn: Any, answering: Coroutine[Step, None, Any]) -> bool:
        """On a thread: the answer from here on."""
        return self._deliver(conn, memoryview(plain.written(*carry_out(answering))))

    def _deliver(self, conn: Any, rest: memoryview) -> bool:
        """On a thread: send it, as fast as the other side reads; whether the connection stays."""
        until = monotonic() + PATIENCE
        try:
            with aside():
                while rest:
                    conn.sock.settimeout(max(MOMENT, until - monotonic()))
                    rest = rest[conn.sock.send(rest) :]
        except OSError:
            return False
        return True
