"""Trials trained on a Ray cluster, whose machines share the folder of models."""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from time import monotonic
from typing import Any
from uuid import uuid4

from suite.errors import SuiteError, UsageError
from tuning.executors import Lost

ANSWER = 10.0
AUTO = "auto"


class RayCluster(Executor):
    """Does up to `workers` tasks at a time on the cluster at `address` (`auto`: the one that runs on this machine).

    Each task has an equal share of the cores and of the GPUs, of these at most one. `begin(*arguments, cores)` is
    called once in each process that Ray starts for it. A task whose process dies, or that takes longer than `timeout`
    seconds, is Lost. SuiteError where nobody answers.
    """

    def __init__(
        self, address: str, workers: int, begin: Callable[..., None], arguments: Sequence[Any], timeout: float | None
    ) -> None:
        self._ray = _connect(address)
        resources = self._ray.cluster_resources()
        cores = max(1, int(resources.get("CPU", 1)) // workers)
        # Ray would try anew by itself, and never tell.
        options = {"num_cpus": cores, "num_gpus": min(1.0, resources.get("GPU", 0.0) / workers), "max_retries": 0}
        self._call = self._ray.remote(_call).options(**options)
        self._begin = (uuid4().hex, begin, self._ray.put(tuple(arguments)), cores)
        self._timeout = timeout

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        assert not named
        future: Future[Any] = Future()
        name, begin, shared, cores = self._begin
        # In a list, what is shared is fetched only by a process that needs it.
        reference = self._call.remote(name, begin, [shared], cores, work, arguments)
        threading.Thread(target=self._wait, args=(reference, future), daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster; what still runs there is ended."""
        self._ray.shutdown()

    def _wait(self, reference: Any, future: "Future[Any]") -> None:
        errors = self._ray.exceptions
        started = monotonic()
        try:
            future.set_result(self._ray.get(reference, timeout=self._timeout))
        except errors.GetTimeoutError:
            self._ray.cancel(reference, force=True)
            future.set_exception(Lost(f"it took longer than {self._timeout:g} s", monotonic() - started))
        except errors.RayTaskError as error:
            future.set_exception(error.cause if isinstance(error.cause, Exception) else error)
        except (errors.RayError, RuntimeError) as error:
            why = str(error).splitlines()[0]
            future.set_exception(Lost(f"its worker died ({why})", monotonic() - started))


def _connect(address: str) -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("--ray needs a package that is not there: pip install 'suite[ray]'") from None
    if address != AUTO:
        _check(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise SuiteError(f"no Ray cluster answers at {address} ({why}): begin one with 'ray start --head'") from error
    return ray


def _check(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"'{address}' is no address of a Ray cluster: write host:port, or auto")
    try:
        socket.create_connection((host, int(port)), ANSWER).close()
    except OSError as error:
        raise SuiteError(
            f"nobody answers at {address} ({error}): begin a cluster with 'ray start --head', or correct the address"
        ) from error


# What was begun in this process of Ray's.
_begun: set[str] = set()


def _call(
    name: str, begin: Callable[..., None], shared: list[Any], cores: int, work: Callable[..., Any], arguments: Any
) -> Any:
    import ray

    if name not in _begun:
        begin(*ray.get(shared[0]), cores)
        _begun.add(name)
    return work(*arguments)
