"""The thread that loads models."""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class LoadingThread:
    """Calls functions one after the other in a daemon thread.

    It differs from `concurrent.futures.ThreadPoolExecutor(1)` in two ways. The process does not wait for the thread
    when it exits, because loading a large model takes long. And its futures cannot be cancelled, because several
    requests may wait for the same one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = Lock()
        self._is_started = self._is_stopped = False

    def submit(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> "Future[Result]":
        """Schedule a call and return its future; raise RuntimeError if the thread was stopped."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._is_stopped:
                raise RuntimeError(f"the thread '{self._name}' was stopped")
            self._queue.put((future, lambda: function(*args, **kwargs)))
            if not self._is_started:
                Thread(target=self._work, name=self._name, daemon=True).start()
                self._is_started = True
        return future

    def stop(self) -> None:
        """Accept no more calls; calls that have not started fail with RuntimeError."""
        with self._lock:
            self._is_stopped = True
        self._queue.put(None)

    def _work(self) -> None:
        while item := self._queue.get():
            future, call = item
            if self._is_stopped:
                future.set_exception(RuntimeError(f"the thread '{self._name}' was stopped"))
            else:
                _call(future, call)
            # Otherwise the last result would stay referenced until the next call.
            del item, future, call


def _call(future: "Future[Any]", call: Callable[[], Any]) -> None:
    try:
        result = call()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
