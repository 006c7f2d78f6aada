"""The queue of one model. Requests that wait at the same time are run together as one batch."""

from asyncio import Future
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

import numpy as np

from serving.deadline import Deadline
from serving.engines.base import Arrays, Engine, count_rows
from serving.errors import ServiceError
from serving.observability.metrics import ModelMeter
from serving.scheduling.latency import LatencyEstimator
from suite.errors import SuiteError

# The event loop itself runs batches that take at most this many seconds: handing them to a thread would take longer.
MAX_INLINE_SECONDS = 0.002
# Seconds' worth of quick batches that may wait for the event loop, however many calls that is.
MAX_INLINE_BACKLOG = 0.1
# The batch key of models with a card, whose calls can all be joined with one another.
DEFAULT_BATCH_KEY = "rows"
BUSY = "the model '{}' has {} requests waiting, which is all it may: ask again in a moment"


@dataclass(frozen=True)
class BatchLimits:
    """Limits of a model's queue and of its batches.

    `max_waiting` requests may wait in addition to those that can start at once. A batch has up to `max_rows` rows, or
    `max_inline_rows` if the event loop runs it, and waits up to `max_delay` seconds to become full.
    """

    max_waiting: int = 256
    max_rows: int = 64
    max_inline_rows: int = 64
    max_delay: float = 0.0


class InferenceCall:
    """The rows of one request for a model. The future `result` receives the outputs or the error.

    Calls with equal `batch_key` (for example the shape of a row) can share a batch; a call without a key (None) runs
    alone. A call without `may_inline` runs on a thread, however quick the model is. `on_run` is called after the model
    has run, with the rows of the batch, its start (`time.monotonic`) and its duration in seconds.
    """

    __slots__ = ("batch_key", "deadline", "inputs", "may_inline", "on_run", "result", "rows")

    def __init__(
        self, inputs: Arrays, deadline: Deadline, batch_key: Hashable = DEFAULT_BATCH_KEY, may_inline: bool = True,
        on_run: Callable[[int, float, float], None] | None = None,
    ) -> None:  # fmt: skip
        self.inputs, self.deadline, self.batch_key = inputs, deadline, batch_key
        self.may_inline, self.on_run = may_inline, on_run
        self.rows = count_rows(inputs)
        self.result: Future[Arrays]


@dataclass(frozen=True, slots=True)
class Run:
    """The rows, start time and duration in seconds of one run of an engine."""

    rows: int
    started_at: float
    seconds: float


Outcome = tuple[Arrays | Exception, Run | None]


class Batcher:
    """The queue of a model. Only the event loop may use it, but any thread may call what `work` returns."""

    def __init__(
        self, name: str, engine: Engine, limits: BatchLimits, meter: ModelMeter | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self.name, self.limits, self.running = name, limits, 0
        self.engine, self._meter, self._clock = engine, meter, clock
        self._waiting: deque[InferenceCall] = deque()
        self._waiting_rows = 0
        self._run_latency, self._row_latency = LatencyEstimator(), LatencyEstimator()

    @property
    def concurrency(self) -> int:
        """How many batches may run on threads at a time.

        One if requests are joined: two batches at a time would have half the rows each.
        """
        return self.engine.concurrency if self.limits.max_rows == 1 else 1

    @property
    def waiting(self) -> int:
        """The number of waiting calls."""
        return len(self._waiting)

    def expect(self, seconds: float) -> None:
        """Set the first estimate of latencies: the seconds that one row took when the model was tried."""
        self._run_latency.note(seconds)
        self._row_latency.note(seconds)

    def add(self, call: InferenceCall) -> None:
        """Add a call to the queue; raise ServiceError 503 if the queue is full."""
        most = self.limits.max_waiting + max(0, self.concurrency - self.running)
        if len(self._waiting) >= most and not self._runs_inline_soon(call):
            self._drop_unwanted()
            if len(self._waiting) >= most:
                raise ServiceError(503, BUSY.format(self.name, len(self._waiting)), retry_after=1)
        self._waiting.append(call)
        self._waiting_rows += call.rows

    def discard(self, call: InferenceCall) -> bool:
        """Remove a waiting call; return False if it is not waiting, for example because it is running."""
        try:
            self._waiting.remove(call)
        except ValueError:
            return False
        self._waiting_rows -= call.rows
        return True

    def due_at(self) -> float:
        """Return when the next batch may start: -inf if at once, inf if the queue is empty."""
        if not self._waiting:
            return inf
        if not self.limits.max_delay or self._waiting_rows >= self.limits.max_rows:
            return -inf
        return self._waiting[0].deadline.received_at + self.limits.max_delay

    def is_inline(self) -> bool:
        """Return whether the event loop should run the next batch itself."""
        return bool(self._waiting) and not self.running and self._is_inline(self._waiting[0])

    def work(self, inline: bool = False) -> "BatchWork | None":
        """Take the next batch from the queue; return None if no client waits for an answer any more."""
        most = self._inline_rows() if inline else self.limits.max_rows
        calls = self._next_calls(most, inline)
        return BatchWork(self, calls) if calls else None

    def _is_inline(self, call: InferenceCall) -> bool:
        row = self._row_latency.typical
        return (
            call.may_inline
            and 0 < row * call.rows <= MAX_INLINE_SECONDS
            and self._run_latency.typical <= MAX_INLINE_SECONDS
            and call.rows <= self.limits.max_inline_rows
            and not self.limits.max_delay
        )

    def _runs_inline_soon(self, call: InferenceCall) -> bool:
        """Return whether the event loop will soon run this call itself."""
        seconds = self._waiting_rows * self._row_latency.typical
        return not self.running and seconds < MAX_INLINE_BACKLOG and self._is_inline(call)

    def _inline_rows(self) -> int:
        """Return how many rows the event loop may run at once, as estimated from their latency.

        If padding would make up half of the engine's next batch size, fill the batch size below instead.
        """
        most = min(self.limits.max_inline_rows, int(MAX_INLINE_SECONDS / self._row_latency.typical), self._waiting_rows)
        sizes = self.engine.batches
        if min((size for size in sizes if size >= most), default=most) < 2 * most:
            return most
        return max((size for size in sizes if size <= most), default=most)

    def _next_calls(self, most: int, inline: bool) -> list[InferenceCall]:
        """Take the first call and those that fit into a batch with it, in order of arrival."""
        calls: list[InferenceCall] = []
        rows, passed = 0, deque[InferenceCall]()
        now = self._clock()
        while self._waiting and (rows < most or not calls):
            if inline and not calls and not self._is_inline(self._waiting[0]):
                # Those before it were not wanted any more; it is for a thread.
                break
            call = self._waiting.popleft()
            fits = rows + call.rows <= most and (not inline or call.may_inline)
            if calls and not (fits and call.batch_key is not None and call.batch_key == calls[0].batch_key):
                passed.append(call)
                continue
            self._waiting_rows -= call.rows
            if self._is_wanted(call, now):
                calls.append(call)
                rows += call.rows
        self._waiting.extendleft(reversed(passed))
        return calls

    def _drop_unwanted(self) -> None:
        """Remove calls whose client is gone or whose answer would be late."""
        now, waiting = self._clock(), self._waiting
        self._waiting = deque(call for call in waiting if self._is_wanted(call, now))
        self._waiting_rows = sum(call.rows for call in self._waiting)

    def _is_wanted(self, call: InferenceCall, now: float) -> bool:
        """Return whether the answer can still be in time; if not, give the call its error."""
        if call.result.done():
            return False
        try:
            call.deadline.check(self._run_latency.upper, now)
        except ServiceError as error:
            self._run_latency.distrust()
            call.result.set_exception(error)
            return False
        return True

    def finish(self, calls: Sequence[InferenceCall], outcomes: Sequence[Outcome]) -> None:
        """Set the results of a finished batch, and update the latency estimates."""
        noted: Run | None = None
        for call, (value, run) in zip(calls, outcomes, strict=True):
            if run:
                if run is not noted:
                    self._note(run)
                    noted = run
                if self._meter:
                    self._meter.waited(run.started_at - call.deadline.received_at)
                if call.on_run:
                    call.on_run(run.rows, run.started_at, run.seconds)
            if call.result.done():
                continue
            if isinstance(value, Exception):
                call.result.set_exception(value)
            else:
                call.result.set_result(value)

    def _note(self, run: Run) -> None:
        self._run_latency.note(run.seconds)
        self._row_latency.note(run.seconds / run.rows)
        if self._meter:
            self._meter.ran(run.rows, run.seconds)


class BatchWork:
    """A batch taken from a queue. Call it on any thread to run it; then the event loop calls `finish`."""

    __slots__ = ("_batcher", "_calls", "_outcomes")

    def __init__(self, batcher: Batcher, calls: list[InferenceCall]) -> None:
        self._batcher, self._calls = batcher, calls
        self._outcomes: list[Outcome] = []

    def __call__(self) -> None:
        batcher, calls = self._batcher, self._calls
        inputs = [call.inputs for call in calls]
        joined = _run_joined(batcher.engine, inputs, batcher._clock) if len(calls) > 1 else None
        # If the joined run fails, a single call may be the cause: run each alone, so that only that one fails.
        self._outcomes = joined or [
            _run_alone(batcher.engine, call.inputs, call.deadline, batcher._clock) for call in calls
        ]

    def finish(self, error: BaseException | None = None) -> None:
        """Set the results, in the event loop, after the run; `error` is the exception that the run raised, if any."""
        outcomes = self._outcomes
        if error is not None:
            failed = error if isinstance(error, Exception) else RuntimeError(f"the run was ended by {error!r}")
            outcomes = [(failed, None)] * len(self._calls)
        self._batcher.finish(self._calls, outcomes)


def _run_joined(engine: Engine, inputs: list[Arrays], clock: Callable[[], float]) -> list[Outcome] | None:
    """Run all inputs at once and split the outputs by call; return None if that fails or the row counts differ."""
    ends = np.cumsum([count_rows(one) for one in inputs]).tolist()
    started_at = clock()
    try:
        outputs = engine.run({name: np.concatenate([one[name] for one in inputs]) for name in inputs[0]})
    except Exception:
        return None
    if not all(x.ndim and len(x) == ends[-1] for x in outputs.values()):
        return None
    run = Run(ends[-1], started_at, clock() - started_at)
    starts = [0, *ends[:-1]]
    return [({name: x[start:end] for name, x in outputs.items()}, run) for start, end in zip(starts, ends, strict=True)]


def _run_alone(engine: Engine, inputs: Arrays, deadline: Deadline, clock: Callable[[], float]) -> Outcome:
    started_at = clock()
    try:
        deadline.check(0.0, started_at)
        outputs = engine.run(inputs)
    except SuiteError as error:
        return ServiceError(422, str(error)), None
    except Exception as error:
        return error, None
    return outputs, Run(count_rows(inputs), started_at, clock() - started_at)
