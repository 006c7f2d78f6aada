"""The queue of one model. Calls that wait at the same time run together; large ones run in parts between others."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

from serving.engines.base import Engine
from serving.errors import ServiceError
from serving.observability.metrics import ModelMeter
from serving.scheduling.calls import BatchWork, InferenceCall, Outcome, PartWork, Run
from serving.scheduling.latency import LatencyEstimator

# The event loop itself runs batches that take at most this many seconds: handing them to a thread would take longer.
MAX_INLINE_SECONDS = 0.002
# Seconds' worth of quick batches that may wait for the event loop, however many calls that is.
MAX_INLINE_BACKLOG = 0.1
# Seconds for which a part of a large call runs, about: other calls may have to wait for that long.
PART_SECONDS = 0.02
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
        # Of batches, of a row within them, and of a row within a part of a large call.
        self._run_latency, self._row_latency, self._part_latency = (LatencyEstimator() for _ in range(3))

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
        self._waiting_rows -= call.left
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

    def work(self, inline: bool = False) -> BatchWork | PartWork | None:
        """Take the next batch from the queue; return None if no client waits for an answer any more."""
        most = self._inline_rows() if inline else self.limits.max_rows
        calls = self._next_calls(most, inline)
        if calls and self._is_large(calls[0]):
            rows = calls[0].left if inline else self._part_of(calls[0])
            return PartWork(self.engine, calls[0], rows, self._clock, self._finish_part)
        return BatchWork(self.engine, calls, self._clock, self._finish) if calls else None

    def _is_large(self, call: InferenceCall) -> bool:
        """Return whether a call is run in parts, and alone; so is the last part of it."""
        return 0 < self.engine.part_rows < call.left or bool(call.parts)

    def _part_of(self, call: InferenceCall) -> int:
        """Return how many rows of a large call to run now: as many parts of the engine as run in PART_SECONDS."""
        part, row = self.engine.part_rows, self._part_latency.typical
        return min(call.left, part * max(1, int(PART_SECONDS / row) // part if row else 1))

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
            if calls and not (fits and self._may_join(calls[0], call)):
                passed.append(call)
                continue
            self._waiting_rows -= call.left
            if self._is_wanted(call, now):
                calls.append(call)
                rows += call.rows
        self._waiting.extendleft(reversed(passed))
        return calls

    def _may_join(self, first: InferenceCall, other: InferenceCall) -> bool:
        is_alike = other.batch_key is not None and other.batch_key == first.batch_key
        return is_alike and not (self._is_large(first) or self._is_large(other))

    def _drop_unwanted(self) -> None:
        """Remove calls whose client is gone or whose answer would be late."""
        now, waiting = self._clock(), self._waiting
        self._waiting = deque(call for call in waiting if self._is_wanted(call, now))
        self._waiting_rows = sum(call.left for call in self._waiting)

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

    def _finish(self, calls: Sequence[InferenceCall], outcomes: Sequence[Outcome]) -> None:
        """Set the results of a finished batch, and update the latency estimates."""
        noted: Run | None = None
        for call, (value, run) in zip(calls, outcomes, strict=True):
            if run:
                if run is not noted:
                    self._run_latency.note(run.seconds)
                    self._row_latency.note(run.seconds / run.rows)
                    self._measure(run)
                    noted = run
                self._measure_wait(call, run)
                if call.on_run:
                    call.on_run(run.rows, run.started_at, run.seconds)
            call.set_result(value)

    def _finish_part(self, call: InferenceCall, rows: int, outcome: Outcome) -> None:
        """Set the result of a large call after its last part; after another part, let it wait for its next turn."""
        value, run = outcome
        if run:
            self._part_latency.note(run.seconds / run.rows)
            self._measure(run)
            if not call.parts:
                self._measure_wait(call, run)
            call.seconds += run.seconds
        if isinstance(value, Exception) or rows == call.left:
            if run and call.on_run:
                call.on_run(call.rows, run.started_at + run.seconds - call.seconds, call.seconds)
            call.set_result(value)
        elif not call.result.done():
            call.parts.append(value)
            call.left -= rows
            self._waiting.append(call)
            self._waiting_rows += call.left

    def _measure(self, run: Run) -> None:
        if self._meter:
            self._meter.ran(run.rows, run.seconds)

    def _measure_wait(self, call: InferenceCall, run: Run) -> None:
        if self._meter:
            self._meter.waited(run.started_at - call.deadline.received_at)
