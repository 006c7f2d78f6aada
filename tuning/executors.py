"""Executors for trials: in this process, or in worker processes."""

import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from multiprocessing import connection, get_context, parent_process
from time import monotonic
from typing import Any

POLL_SECONDS = 0.2
JOIN_SECONDS = 2.0
START_TIMEOUT = 300.0
# Each spawned process imports TensorFlow itself, after its share of the cores is set.
SPAWN = get_context("spawn")


class WorkerLost(Exception):
    """A worker died or was ended after `seconds`, and its task with it."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class InProcessExecutor(Executor):
    """Runs each task at once, in this process."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class ProcessExecutor(Executor):
    """Runs tasks in `workers` processes, each with an equal share of the cores.

    A process that dies, or takes longer than `timeout` seconds for a task, is replaced; its task raises WorkerLost.
    `initializer(*initargs)` is called in each process when it starts.
    """

    def __init__(
        self, workers: int, initializer: Callable[..., None], initargs: Sequence[Any], timeout: float | None = None
    ) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None]
        self._tasks = queue.SimpleQueue()
        shares = [_core_share(index, workers) for index in range(workers)]
        self._workers = [_Worker(cores, initializer, initargs, timeout) for cores in shares]
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
        """End the processes and the tasks that they run."""
        for worker in self._workers:
            worker.stop()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()


def _core_share(index: int, workers: int) -> list[int]:
    """The cores of one worker; with more workers than cores, some share a core."""
    cores = sorted(os.sched_getaffinity(0))
    share = cores[index * len(cores) // workers : (index + 1) * len(cores) // workers]
    return share or [cores[index % len(cores)]]


class _Worker:
    """One process, and the thread that talks to it."""

    def __init__(
        self, cores: list[int], initializer: Callable[..., None], initargs: Sequence[Any], timeout: float | None
    ) -> None:
        self._cores, self._initializer, self._initargs, self._timeout = cores, initializer, initargs, timeout
        self._process: Any = None
        self._pipe: Any = None
        self._stopped = False

    def serve(self, tasks: Any) -> None:
        """Run tasks from the queue until it holds None."""
        while (task := tasks.get()) is not None:
            future, work, arguments = task
            if self._stopped or not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._run(work, arguments))
            except BaseException as error:
                future.set_exception(error)
        self._end()

    def stop(self) -> None:
        """Kill the process."""
        self._stopped = True
        if self._process is not None and self._process.is_alive():
            self._process.kill()

    def _run(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self._process is None or not self._process.is_alive():
            self._start()
        return self._call((work, arguments), self._timeout)

    def _start(self) -> None:
        """Start a process; the time that takes does not count against a task."""
        self._pipe, other_end = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_worker_main, args=(other_end, self._cores), daemon=True)
        self._process.start()
        other_end.close()
        self._call((self._initializer, self._initargs), START_TIMEOUT)

    def _call(self, call: tuple[Callable[..., Any], Sequence[Any]], timeout: float | None) -> Any:
        """What a call in the process returns or raises; WorkerLost if it never does."""
        started = monotonic()
        try:
            self._pipe.send(call)
            while not self._pipe.poll(POLL_SECONDS):
                if self._stopped:
                    self._end()
                    raise WorkerLost("the search is over", monotonic() - started)
                if timeout is not None and monotonic() - started > timeout:
                    self._end()
                    raise WorkerLost(f"it took longer than {timeout:g} s", monotonic() - started)
            succeeded, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(JOIN_SECONDS)
            code = self._process.exitcode
            self._end()
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise WorkerLost(f"its worker died ({how}: killed, or out of memory)", monotonic() - started) from error
        if not succeeded:
            raise answer
        return answer

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = None


def _worker_main(pipe: Any, cores: list[int]) -> None:
    """The main function of a worker process: answers calls from the pipe, and ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the search
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
            answer = False, _with_traceback_note(error)
        pipe.send(answer)


def _with_traceback_note(error: Exception) -> Exception:
    """The error with its traceback as a note: tracebacks themselves do not cross processes."""
    import traceback

    error.add_note("".join(traceback.format_exception(error)))
    return error


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
