"""The gunicorn worker: one event loop that serves all connections of its process.

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

from serving import memory
from serving.observability import log_queue
from serving.server import shared_state, tls
from serving.server.connections import IDLE_TIMEOUT, REPLACED_IDLE_TIMEOUT, SWEEP_INTERVAL, Connections
from serving.server.listener import Listener
from serving.server.shared_state import Slot

# Seconds between two signs of life to the master, and between two checks whether the models have been loaded.
HEARTBEAT_INTERVAL, LOADING_INTERVAL = 1.0, 0.02
# File descriptors reserved for files, models and everything else that is not a connection.
RESERVED_FILES = 32
# Seconds for which a thread may run Python while another waits; short, so that the event loop does not wait long.
SWITCH_INTERVAL = 0.001
# Seconds for threads to finish once all connections are closed.
THREADS_TIMEOUT = 2.0
# After a second with at most this many answers, a worker gives memory that it does not need back to the system.
QUIET = 20
# Seconds for which other requests are still answered if a computation has run for too long.
OVERDUE_TIMEOUT = 2.0

log = logging.getLogger(__name__)


class Worker(BaseWorker):  # type: ignore[misc]
    """Serves `serving.app` directly, without WSGI around predictions."""

    def init_signals(self) -> None:
        super().init_signals()
        # The master blocks these signals while it forks, because one that arrived before this point would be lost.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT))

    def run(self) -> None:
        """Serve until the master asks this worker to stop."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        with log_queue.writing(self.log.error_log), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())
        # A computation that never finishes would keep the process from exiting.
        ending = threading.Timer(THREADS_TIMEOUT, os._exit, (0,))
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
        # Numbers of answers: at the last heartbeat, and when memory was last given back.
        self._answered = self._trimmed_at = 0
        most = min(config.max_connections, max(1, _max_open_files() - RESERVED_FILES))
        self._listeners = [Listener(one.sock, connections, self._slot, most, tls.context()) for one in self.sockets]
        for listener in self._listeners:
            listener.start()
        beating = loop.create_task(self._heartbeat(service, connections))
        await self._ending.wait()
        service.is_stopping = True
        self._slot.clear()
        for listener in self._listeners:
            listener.stop()
        await connections.close(self._grace, IDLE_TIMEOUT if shared_state.is_ending() else REPLACED_IDLE_TIMEOUT)
        service.repository.stop()
        beating.cancel()

    def _end(self, number: int) -> None:
        self.alive = False
        self._ending.set()
        if number != signal.SIGTERM:
            sys.exit(0)

    async def _heartbeat(self, service: Any, connections: Connections) -> None:
        """Show the master that this worker is alive; end expired connections and computations that take too long."""
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
                beat_at = loop.time() + HEARTBEAT_INTERVAL
                self.notify()
                self._check()
                self._give_memory_back(connections.answered)
            is_loading = not all(listener.is_loaded for listener in self._listeners)
            await asyncio.sleep(LOADING_INTERVAL if is_loading else SWEEP_INTERVAL)

    def _give_memory_back(self, answered: int) -> None:
        """Return free memory to the system, on a thread, after a quiet second that followed others."""
        if answered - self._answered <= QUIET and answered > self._trimmed_at:
            self._trimmed_at = answered
            asyncio.get_running_loop().run_in_executor(None, memory.give_back)
        self._answered = answered

    def _check(self) -> None:
        """End this worker if its master is gone or if a computation has run for too long."""
        if os.getppid() != self.ppid:
            log.warning("the master of this worker is gone: it ends")
            self._ending.set()
        elif self._scheduler.longest_running() > self.cfg.timeout > 0:
            log.error("a computation has been running for more than %d seconds: this worker ends", self.cfg.timeout)
            self._grace = OVERDUE_TIMEOUT
            self._ending.set()


def _max_open_files() -> int:
    """Raise this process's limit of open files to the maximum, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft
    return hard
