"""The threads of a worker: few work at a time, since Python lets one run at once; those that wait do not count."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

# More get in one another's way, fewer leave cores idle: measured by `make bench-serving`.
WORKING = 4


class Task:
    """What a thread does, or has done; asked as a `concurrent.futures.Future` is."""

    def __init__(self, lock: threading.Lock, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._lock, self._function, self._arguments = lock, function, arguments
        self._done = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._callback: Callable[[Task], object] | None = None

    def add_done_callback(self, callback: Callable[["Task"], object]) -> None:
        """Have it called once it is done."""
        with self._lock:
            if not self._done:
                self._callback = callback
                return
        callback(self)

    def cancelled(self) -> bool:
        return False

    def exception(self) -> BaseException | None:
        return self._exception

    def result(self) -> Any:
        """What it returned; None before, and after an exception."""
        return self._result

    def run(self) -> None:
        try:
            self._result = self._function(*self._arguments)
        except BaseException as error:
            self._exception = error
        with self._lock:
            self._done = True
        if self._callback:
            self._callback(self)


class Pool:
    """`working` threads that take up tasks; while one waits another takes its place, up to `most` in all."""

    def __init__(self, most: int, working: int = WORKING) -> None:
        self._most, self._working = most, min(most, working)
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._parked = self._taking = 0
        with self._lock:
            self._fill()

    @property
    def waiting(self) -> int:
        """How many tasks no thread has taken up."""
        return self._tasks.qsize()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Task:
        task = Task(self._lock, function, arguments)
        self._tasks.put(task)
        return task

    def shutdown(self, wait: bool = False) -> None:
        """Have the threads end that wait for tasks; what the others do ends with the process."""
        for _ in range(self._threads):
            self._tasks.put(None)

    @contextmanager
    def aside(self) -> Iterator[None]:
        with self._lock:
            self._taking -= 1
            self._fill()
        try:
            yield
        finally:
            with self._lock:
                self._taking += 1

    def _fill(self) -> None:
        while self._taking < self._working and (self._parked or self._threads < self._most):
            self._taking += 1
            if self._parked:
                self._parked -= 1
                self._wake.put(None)
            else:
                self._threads += 1
                threading.Thread(target=self._work, name=f"request-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        _here.pool = self
        while task := self._tasks.get():
            task.run()
            del task
            with self._lock:
                surplus = self._taking > self._working
                self._taking -= surplus
                self._parked += surplus
            if surplus:
                self._wake.get()


class _Here(threading.local):
    pool: Pool | None = None


_here = _Here()


@contextmanager
def aside() -> Iterator[None]:
    """Around what this thread waits for: meanwhile another may work, where it is one of a pool."""
    if _here.pool is None:
        yield
    else:
        with _here.pool.aside():
            yield
