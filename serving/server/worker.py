"""gunicorn's worker: one event loop that owns the connections of its process.

https://docs.gunicorn.org/en/stable/settings.html#worker-class
"""

import asyncio
import logging
import os
import resource
import signal
import sys
import threading
from typing import Any

import uvloop
from gunicorn.workers.base import Worker as BaseWorker

from serving.observability import log_queue
from serving.server import tls
from serving.server.connections import SWEEP, Connections
from serving.server.listener import Listener
from serving.server.shared_state import Slot

# Seconds between two signs of life to the master; and between two looks whether all models have been tried.
BEAT, LOADING = 1.0, 0.02
# Descriptors that are kept for files, models and what is done besides connections.
OTHER_FILES = 32
# How long a thread may run Python while another wants to: the event loop is what others should not wait for.
SWITCH_INTERVAL = 0.001
# Seconds that threads have to end once all connections are closed.
LAST = 2.0
# Seconds in which other requests are still answered beside a computation that does not come to its end.
BESIDE_ENDLESS = 2.0

log = logging.getLogger(__name__)


class Worker(BaseWorker):  # type: ignore[misc]
    """Serves `serving.app` without WSGI around predictions; several workers get about as many connections each."""

    def init_signals(self) -> None:
        super().init_signals()
        # The master has them blocked while it forks: one that came before would have been lost.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT))

    def run(self) -> None:
        """Serve until the master says that this is the end."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        with log_queue.writing(self.log.error_log), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())
        # A computation that does not come to its end would keep the process from ending too.
        ending = threading.Timer(LAST, os._exit, (0,))
        ending.daemon = True
        ending.start()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._ending, self._grace = asyncio.Event(), float(self.cfg.graceful_timeout)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._end, number)
        if not self.alive:
            return
        service, dispatcher = self.wsgi.extensions["service"], self.wsgi.extensions["dispatcher"]
        config = service.config
        self._scheduler = service.bind(loop)
        connections = Connections(dispatcher, loop, config.max_body, config.keep_alive, config.root_path)
        self._slot = Slot(self.age)
        most = min(config.max_connections, max(1, _most_files() - OTHER_FILES))
        self._listeners = [Listener(one.sock, connections, self._slot, most, tls.context()) for one in self.sockets]
        for listener in self._listeners:
            listener.start()
        beating = loop.create_task(self._beat(service, connections))
        await self._ending.wait()
        service.is_stopping = True
        self._slot.clear()
        for listener in self._listeners:
            listener.stop()
        await connections.close(self._grace)
        service.repository.stop()
        beating.cancel()

    def _end(self, number: int) -> None:
        self.alive = False
        self._ending.set()
        if number != signal.SIGTERM:
            sys.exit(0)

    async def _beat(self, service: Any, connections: Connections) -> None:
        """Show the master that this worker lives, and look after what takes too long."""
        beat_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            connections.sweep()
            for listener in self._listeners:
                if not (listener.is_loaded or service.is_stopping) and service.repository.wait(0):
                    listener.is_loaded = True
                    self._slot.note_loaded()
                listener.count()
            if loop.time() >= beat_at:
                beat_at = loop.time() + BEAT
                self.notify()
                self._check()
            is_loading = not all(listener.is_loaded for listener in self._listeners)
            await asyncio.sleep(LOADING if is_loading else SWEEP)

    def _check(self) -> None:
        """End this worker where the master is gone, or where a computation does not come to its end."""
        if os.getppid() != self.ppid:
            log.warning("the master of this worker is gone: it ends")
            self._ending.set()
        elif self._scheduler.longest_running() > self.cfg.timeout > 0:
            log.error("a computation has been running for more than %d seconds: this worker ends", self.cfg.timeout)
            self._grace = BESIDE_ENDLESS
            self._ending.set()


def _most_files() -> int:
    """How many files this process may have open: as many as it may allow itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft
    return hard
