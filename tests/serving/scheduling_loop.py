"""A scheduler on an event loop of its own, which any number of threads can call."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np
from serving_doubles import Engine

from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.scheduling.batcher import Batcher, BatchLimits
from serving.scheduling.calls import InferenceCall
from serving.scheduling.operations import OperationQueue
from serving.scheduling.scheduler import Scheduler


class Model:
    """A batcher of an engine; calls whose rows have the same shape have the same batch key."""

    def __init__(self, running: "RunningLoop", engine: Any, **limits: Any) -> None:
        self.running, self.engine = running, engine
        self.batcher = Batcher("m", engine, BatchLimits(**{"max_waiting": 100, "max_rows": 64} | limits))

    def call(self, x: np.ndarray, deadline: Deadline | None = None, may_inline: bool = True) -> InferenceCall:
        return InferenceCall({"x": x}, deadline or Deadline(), x.shape[1:], may_inline)

    def run(self, x: np.ndarray, deadline: Deadline | None = None, may_inline: bool = True) -> np.ndarray:
        """Return the engine's outputs for an array, or raise the call's error."""
        call = self.call(x, deadline, may_inline)
        outputs: np.ndarray = self.running.wait(lambda: self.running.scheduler.infer(self.batcher, call))["y"]
        return outputs


class RunningLoop:
    """An event loop in a thread, with a scheduler of `threads` threads."""

    def __init__(self, threads: int = 2) -> None:
        self.loop = asyncio.new_event_loop()
        self.executor = ThreadPoolExecutor(threads)
        self.scheduler = Scheduler(self.loop, self.executor, threads)
        self.operations = OperationQueue(100, threads)
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.executor.shutdown()
        self.loop.close()

    def wait(self, ask: Callable[[], Any], seconds: float = 30) -> Any:
        """Return the result of the coroutine that `ask` creates."""
        return asyncio.run_coroutine_threadsafe(ask(), self.loop).result(seconds)

    def compute(self, function: Callable[[], Any], deadline: Deadline | None = None) -> Any:
        return self.wait(lambda: self.scheduler.compute(self.operations, deadline or Deadline(), function))

    def in_loop(self, function: Callable[[], Any]) -> Any:
        """Call a function in the loop, and return its result."""

        async def call() -> Any:
            return function()

        return self.wait(call)

    def model(self, engine: Engine | Any, **limits: Any) -> Model:
        return Model(self, engine, **limits)


def ask(model: Model, values: list[float], deadline: Deadline | None = None) -> Any:
    """Return the outputs of a run on threads, or the status of an error."""
    try:
        return model.run(np.array(values), deadline, may_inline=False).tolist()
    except ServiceError as error:
        return error.status


def within(seconds: float) -> Deadline:
    return Deadline(seconds=seconds)


def together(work: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))
