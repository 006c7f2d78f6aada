"""Replaces gunicorn's workers without a gap: an old worker ends only when a new one can answer.

Only this module and `worker` use names of gunicorn that are not part of its documented API; a test checks that they
still exist.
"""

import logging
import signal
from collections.abc import Callable
from time import monotonic
from typing import Any

from serving.server import shared_state

# Seconds for which old workers keep running while their replacements load models.
LOADING_TIMEOUT = 30.0
SIGNALS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)

log = logging.getLogger(__name__)


class Replacement:
    """Replaces four methods of `server`, gunicorn's master process.

    `is_ready` takes a worker's process id and returns whether that worker has loaded its models. `read_settings` is
    called on SIGHUP, before workers are replaced; it returns why no new worker could answer, or an empty string. If it
    raises an exception, no worker is replaced either.
    """

    def __init__(self, server: Any, is_ready: Callable[[int], bool], read_settings: Callable[[], str]) -> None:
        self._server, self._is_ready, self._read_settings = server, is_ready, read_settings
        self._stop, self._spawn = server.stop, server.spawn_worker
        # Workers of at most this age are replaced. gunicorn's "age" is a serial number: new workers have higher ones.
        self._stale_age, self._until, self._is_wanted_again = 0, 0.0, False
        server.stop, server.spawn_worker = self.stop, self.spawn_worker
        server.reload, server.manage_workers = self.reload, self.manage_workers

    def reload(self) -> None:
        """Start replacing all workers, on SIGHUP. Any more signals meanwhile cause one more replacement afterwards."""
        if self._stale():
            self._is_wanted_again = True
            return
        try:
            problem = self._read_settings()
        except Exception as error:
            # gunicorn would end the whole service.
            self._server.log.exception("no worker is replaced: %s: %s", type(error).__name__, error)
            return
        if problem:
            self._server.log.error("no worker is replaced: %s", problem)
            return
        self._server.log.reopen_files()
        self._stale_age = self._server.worker_age
        self._until = monotonic() + LOADING_TIMEOUT
        self.manage_workers()

    def manage_workers(self) -> None:
        """Start missing workers and end replaced ones. gunicorn calls this every second and when a worker exits."""
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
        """Stop the service, after telling the workers that they will not be replaced."""
        shared_state.announce_end()
        self._stop(graceful)

    def spawn_worker(self) -> Any:
        """Fork a worker, with signals blocked until it has installed its own handlers."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return self._spawn()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _stale(self) -> list[int]:
        """Return the process ids of the workers that are to be replaced."""
        return [pid for pid, worker in self._server.WORKERS.items() if worker.age <= self._stale_age]

    def _are_ready(self) -> bool:
        """Return whether enough new workers are ready to do without the old ones, or the time to wait is over."""
        fresh = [pid for pid, worker in self._server.WORKERS.items() if worker.age > self._stale_age]
        ready = sum(map(self._is_ready, fresh))
        return ready >= self._server.num_workers or monotonic() > self._until
