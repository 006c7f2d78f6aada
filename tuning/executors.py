"""Where trials are trained: in this process, or in processes of their own."""

import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from multiprocessing import connection, get_context, parent_process
from time import monotonic
from typing import Any

POLL = 0.2
GRACE = 2.0
LONGEST_START = 300.0
# Where they are spawned, TensorFlow is imported anew in each, after its share of the cores is set.
SPAWN = get_context("spawn")


class Lost(Exception):
    """A worker died or was ended after `seconds`, and with it what it did."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class InProcess(Executor):
    """Does each task at once."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(Executor):
    """`workers` processes with an equal share of the cores each; one that dies, or takes longer than `timeout` seconds,
    is replaced, and its task is Lost.

    `begin(*arguments)` is called in each when it starts.
    """

    def __init__(
        self, workers: int, begin: Callable[..., None], arguments: Sequence[Any], timeout: float | None = None
    ) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None]
        self._tasks = queue.SimpleQueue()
        shares = [_share(index, workers) for index in range(workers)]
        self._workers = [_Worker(share, begin, arguments, timeout) for share in shares]
        self._threads = [
            threading.Thread(target=worker.serve, args=(self._tasks,), daemon=True) for worker in self._workers
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        assert not named
        future: Future[Any] = Future()
        self._tasks.put((future, work, arguments))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, and what they do with them."""
        for worker in self._workers:
            worker.stop()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()


def _share(index: int, workers: int) -> list[int]:
    """The cores of a worker; where there are more workers than cores, some share one."""
    cores = sorted(os.sched_getaffinity(0))
    share = cores[index * len(cores) // workers : (index + 1) * len(cores) // workers]
    return share or [cores[index % len(cores)]]


class _Worker:
    """One process and the thread that talks to it."""

    def __init__(
        self, cores: list[int], begin: Callable[..., None], arguments: Sequence[Any], timeout: float | None
    ) -> None:
        self._cores, self._begin, self._arguments, self._timeout = cores, begin, arguments, timeout
        self._process: Any = None
        self._pipe: Any = None
        self._stopped = False

    def serve(self, tasks: Any) -> None:
        """Do tasks until there is None."""
        while (task := tasks.get()) is not None:
            future, work, arguments = task
            if self._stopped or not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._do(work, arguments))
            except BaseException as error:
                future.set_exception(error)
        self._end()

    def stop(self) -> None:
        """End the process as it is."""
        self._stopped = True
        if self._process is not None and self._process.is_alive():
            self._process.kill()

    def _do(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self._process is None or not self._process.is_alive():
            self._start()
        return self._ask((work, arguments), self._timeout)

    def _start(self) -> None:
        """Begin a process; how long that takes is not held against a task."""
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_work, args=(theirs, self._cores), daemon=True)
        self._process.start()
        theirs.close()
        self._ask((self._begin, self._arguments), LONGEST_START)

    def _ask(self, call: tuple[Callable[..., Any], Sequence[Any]], timeout: float | None) -> Any:
        """What a call in the process returns or raises; Lost if it never does."""
        started = monotonic()
        try:
            self._pipe.send(call)
            while not self._pipe.poll(POLL):
                if timeout is not None and monotonic() - started > timeout:
                    self._end()
                    raise Lost(f"it took longer than {timeout:g} s", monotonic() - started)
            good, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(GRACE)
            code = self._process.exitcode
            self._end()
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise Lost(f"its worker died ({how}: killed, or out of memory)", monotonic() - started) from error
        if not good:
            raise answer
        return answer

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = None


def _work(pipe: Any, cores: list[int]) -> None:
    """A worker process: answers the calls that come through the pipe, and ends with the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the search to hear
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.sched_setaffinity(0, cores)
    while True:
        try:
            work, arguments = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = True, work(*arguments)
        except Exception as error:
            answer = False, _crossing(error)
        pipe.send(answer)


def _crossing(error: Exception) -> Exception:
    """The error with its traceback told in a note: tracebacks themselves do not cross processes."""
    import traceback

    error.add_note("".join(traceback.format_exception(error)))
    return error


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
