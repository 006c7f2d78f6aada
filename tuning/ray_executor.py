"""An executor for trials on a Ray cluster whose machines share the folder of models."""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from time import monotonic
from typing import Any
from uuid import uuid4

from suite.config import native_log_silenced
from suite.errors import SuiteError, UsageError
from tuning.executors import WorkerLost

CONNECT_TIMEOUT = 10.0
AUTO = "auto"


class RayExecutor(Executor):
    """Runs up to `workers` tasks at a time on the cluster at `address` (`auto`: the one on this machine).

    Each task has an equal share of the cores and of the GPUs, of these at most one. `initializer(*initargs, cores)` is
    called once in each process that Ray starts for it. A task raises WorkerLost if its process dies, or if it
    takes longer than `timeout` seconds. SuiteError if no cluster answers.
    """

    def __init__(
        self,
        address: str,
        workers: int,
        initializer: Callable[..., None],
        initargs: Sequence[Any],
        timeout: float | None,
    ) -> None:
        self._ray = _connect(address)
        resources = self._ray.cluster_resources()
        cores = max(1, int(resources.get("CPU", 1)) // workers)
        # Ray's own retries would go unnoticed.
        options = {"num_cpus": cores, "num_gpus": min(1.0, resources.get("GPU", 0.0) / workers), "max_retries": 0}
        self._remote = self._ray.remote(_run_task).options(**options)
        self._initialization = (uuid4().hex, initializer, self._ray.put(tuple(initargs)), cores)
        self._timeout = timeout

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        assert not named
        future: Future[Any] = Future()
        name, initializer, shared, cores = self._initialization
        # Within a list, Ray hands over the reference: only a new process fetches what is behind it.
        reference = self._remote.remote(name, initializer, [shared], cores, work, arguments)
        threading.Thread(target=self._wait, args=(reference, future), daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Disconnect from the cluster; tasks that still run there are ended."""
        self._ray.shutdown()

    def _wait(self, reference: Any, future: "Future[Any]") -> None:
        errors = self._ray.exceptions
        started = monotonic()
        try:
            future.set_result(self._ray.get(reference, timeout=self._timeout))
        except errors.GetTimeoutError:
            self._ray.cancel(reference, force=True)
            future.set_exception(WorkerLost(f"it took longer than {self._timeout:g} s", monotonic() - started))
        except errors.RayTaskError as error:
            future.set_exception(error.cause if isinstance(error.cause, Exception) else error)
        except (errors.RayError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            future.set_exception(WorkerLost(f"its worker died ({reason})", monotonic() - started))


def _connect(address: str) -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("--ray needs a package that is not installed: pip install 'neural-suite[ray]'") from None
    if address != AUTO:
        _check_address(address)
    try:
        with native_log_silenced():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = str(error).splitlines()[0]
        # Ray tries for some seconds, and says why only in the errors before the last.
        if "authentication" in f"{error} {error.__cause__} {error.__context__}".lower():
            raise SuiteError(
                f"the Ray cluster at {address} did not accept this process's token, or asks for one: set "
                "RAY_AUTH_MODE=token, with the cluster's token in ~/.ray/auth_token or $RAY_AUTH_TOKEN"
            ) from error
        raise SuiteError(
            f"no Ray cluster answers at {address} ({reason}): begin one with 'ray start --head'"
        ) from error
    return ray


def _check_address(address: str) -> None:
    """SuiteError if nothing listens at the address; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"'{address}' is no address of a Ray cluster: write host:port, or auto")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT).close()
    except OSError as error:
        raise SuiteError(
            f"nobody answers at {address} ({error}): begin a cluster with 'ray start --head', or correct the address"
        ) from error


# The names of the executors that this process of Ray's was initialized for.
_initialized: set[str] = set()


def _run_task(
    name: str, initializer: Callable[..., None], shared: list[Any], cores: int, work: Callable[..., Any], arguments: Any
) -> Any:
    import ray

    if name not in _initialized:
        initializer(*ray.get(shared[0]), cores)
        _initialized.add(name)
    return work(*arguments)
