"""How gunicorn's master replaces workers here: none is ended before the one in its place can answer.

Names of gunicorn that its documents do not promise are used in this module and in `worker` alone; a test holds them.
"""

import logging
import signal
from collections.abc import Callable
from time import monotonic
from typing import Any

from serving.server import shared_state

# Seconds that workers which are to be replaced go on while others load their models.
LONGEST_LOADING = 30.0
SIGNALS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)

log = logging.getLogger(__name__)


class Replacement:
    """Takes over four methods of a master, `server`.

    `is_ready` says whether the worker of a process has loaded its models. `read_settings` is called when workers are to
    be replaced, at SIGHUP; it returns why no new worker could answer, or nothing.
    """

    def __init__(self, server: Any, is_ready: Callable[[int], bool], read_settings: Callable[[], str]) -> None:
        self._server, self._is_ready, self._read_settings = server, is_ready, read_settings
        self._stop, self._spawn = server.stop, server.spawn_worker
        # Workers of this age, as gunicorn counts them, or less are to be replaced.
        self._stale_age, self._until, self._is_wanted_again = 0, 0.0, False
        server.stop, server.spawn_worker = self.stop, self.spawn_worker
        server.reload, server.manage_workers = self.reload, self.manage_workers

    def reload(self) -> None:
        """At SIGHUP: begin to replace all workers. While that goes on, another is remembered, and they count as one."""
        if self._stale():
            self._is_wanted_again = True
            return
        problem = self._read_settings()
        if problem:
            self._server.log.error("no worker is replaced: %s", problem)
            return
        self._server.log.reopen_files()
        self._stale_age = self._server.worker_age
        self._until = monotonic() + LONGEST_LOADING
        self.manage_workers()

    def manage_workers(self) -> None:
        """Once a second and whenever a worker ends: have as many workers as there should be, and end those replaced."""
        fresh = sorted(worker.age for worker in self._server.WORKERS.values() if worker.age > self._stale_age)
        for _ in range(self._server.num_workers - len(fresh)):
            self._server.spawn_worker()
        surplus = fresh[: max(0, len(fresh) - self._server.num_workers)]
        for pid, worker in list(self._server.WORKERS.items()):
            is_replaced = worker.age <= self._stale_age and self._are_ready()
            if is_replaced or worker.age in surplus:
                self._server.kill_worker(pid, signal.SIGTERM)
        if self._is_wanted_again and not self._stale():
            self._is_wanted_again = False
            self.reload()

    def stop(self, graceful: bool = True) -> None:
        """End the service: first of all the workers are told that none is to take their place."""
        shared_state.announce_end()
        self._stop(graceful)

    def spawn_worker(self) -> Any:
        """Fork a worker; a signal for it waits until it has handlers of its own."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return self._spawn()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _stale(self) -> list[int]:
        """The processes of workers that are to be replaced."""
        return [pid for pid, worker in self._server.WORKERS.items() if worker.age <= self._stale_age]

    def _are_ready(self) -> bool:
        """Whether enough workers could answer if those to be replaced were gone."""
        fresh = [pid for pid, worker in self._server.WORKERS.items() if worker.age > self._stale_age]
        ready = sum(map(self._is_ready, fresh))
        return ready >= self._server.num_workers or monotonic() > self._until
