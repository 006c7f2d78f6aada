"""How requests come to a model's engine: a bounded queue, in which those that wait anyway run together."""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic

import numpy as np

from serving.engines.base import Arrays, Engine
from serving.errors import ServiceError
from serving.observability.metrics import LaneMeter
from serving.scheduling.deadline import NO_DEADLINE, Deadline
from serving.scheduling.latency import Usual
from serving.scheduling.operations import Step
from serving.server.pool import aside
from suite.errors import SuiteError

# A model that takes longer, in seconds, does not keep a worker's threads, or its event loop, from others.
SLOW = 0.002
BUSY = "the model '{}' has {} requests waiting, which is all it may: ask again in a moment"


class Run(Step):
    """What a model is asked.

    `on_turn` is called when it is its turn to lead a batch, `on_end` when its outcome is there; with `has_thread` a
    thread of its own waits for both.
    """

    def __init__(self, lane: "Lane", raw: Arrays, patience: Deadline) -> None:
        self.lane, self.raw, self.patience = lane, raw, patience
        self.rows = len(next(iter(raw.values())))
        self.on_turn: Callable[[], object] = _nobody
        self.on_end: Callable[[], object] = _nobody
        self.leads = self.done = self.has_thread = False

    def take(self) -> None:
        gate = threading.Lock()
        gate.acquire()
        self.on_turn = self.on_end = gate.release
        self.has_thread = True
        try:
            leads = self.lane.enter(self)
        except ServiceError as error:
            self.error = error
            return
        if not leads:
            self.lane.wait(gate)
        if not self.done:
            heir = self.lane.lead(self)
            if heir:
                heir.on_turn()

    def start(self, submit: Callable[..., object], finished: Callable[[], object]) -> None:
        self.on_turn, self.on_end = partial(submit, self._lead_on), finished
        try:
            if self.lane.enter(self):
                self.on_turn()
        except ServiceError as error:
            self.error = error
            self.end()

    def end(self) -> None:
        """Its outcome is there."""
        # What is called holds it: without this it would be there until the collector came.
        on_end, self.on_turn, self.on_end, self.done = self.on_end, _nobody, _nobody, True
        on_end()

    def _lead_on(self) -> None:
        """On a thread that nobody waits for: lead a batch, then those that follow."""
        leading: Run | None = self
        while leading:
            heir = self.lane.lead(leading)
            if heir and heir.has_thread:
                heir.on_turn()
                return
            leading = heir

    def quick(self) -> "Run | None":
        return self if self.lane.is_quick(self) else None

    def goes_with(self, other: "Run") -> bool:
        """Whether both can be rows of one batch."""
        return self.raw.keys() == other.raw.keys() and all(
            x.dtype == other.raw[name].dtype and x.shape[1:] == other.raw[name].shape[1:]
            for name, x in self.raw.items()
        )


def _nobody() -> None:
    """Nobody waits."""


class Lane:
    """A model's queue of at most `most_waiting` requests, of which `at_once` batches run at the same time.

    A request that finds a free place runs at once. Those that have to wait are run by the first of them, when a place
    becomes free, in one batch of up to `max_batch` rows; with a `max_delay` in seconds a batch waits so long to become
    full. With a `max_batch` of 1 each runs alone. Those that an event loop has at the same time are run together up to
    `max_here` rows.
    """

    def __init__(
        self, name: str, engine: Engine, *, at_once: int, most_waiting: int, max_batch: int, max_here: int = 1,
        max_delay: float = 0.0, meter: LaneMeter | None = None,
    ) -> None:  # fmt: skip
        self._name, self._engine, self._meter = name, engine, meter
        self._usual, self._a_row = Usual(), Usual()
        self._lock = threading.Lock()
        self._at_once = self._free = 0
        self.limit(
            at_once=at_once, most_waiting=most_waiting, max_batch=max_batch, max_here=max_here, max_delay=max_delay
        )
        self._queue: deque[Run] = deque()
        self._full: threading.Event | None = None

    def limit(
        self, *, at_once: int, most_waiting: int, max_batch: int, max_here: int = 1, max_delay: float = 0.0
    ) -> None:
        """Go by these from now on."""
        with self._lock:
            self._free += at_once - self._at_once
            self._at_once = at_once
            self._most_waiting, self._max_batch, self._max_delay = most_waiting, max_batch, max_delay
            self._max_here = max_here

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def run(self, raw: Arrays, patience: Deadline = NO_DEADLINE) -> Arrays:
        """The engine's outputs; ServiceError 503 where the queue is full, 504 or 499 where nobody waits any longer, 422
        where the model has no answer.
        """
        run = Run(self, raw, patience)
        run.take()
        if run.error:
            raise run.error
        outputs: Arrays = run.outcome
        return outputs

    def is_quick(self, run: Run) -> bool:
        """Whether it takes less time than having a thread take it up may."""
        few, quick = run.rows <= self._max_here, max(self._usual.mean, run.rows * self._a_row.mean) <= SLOW
        return few and quick and self._a_row.mean > 0 and not self._max_delay

    def run_here(self, waiting: deque[Run]) -> list[Run]:
        """Take the first on this thread at once, together with others where they fit; they are taken out and returned.

        None where it is not their turn.
        """
        with self._lock:
            if self._free <= 0 or self._queue:
                return []
            self._free -= 1
        most = self._most_here(sum(run.rows for run in waiting))
        batch = self._batch(waiting.popleft(), waiting, most)
        try:
            self._run_together(batch)
        finally:
            heir = self._release()
            if heir:
                heir.on_turn()
        return batch

    def _most_here(self, there: int) -> int:
        """As many rows as are quick; no more than fill a batch where padding would be half of the next larger one."""
        most = min(self._max_here, int(SLOW / (self._a_row.mean or SLOW)), there)
        sizes = self._engine.batches
        if min((size for size in sizes if size >= most), default=most) < 2 * most:
            return most
        return max((size for size in sizes if size <= most), default=most)

    def enter(self, run: Run) -> bool:
        """Give it a place, or one in the queue; whether it is its turn to lead. ServiceError 503 where that is full."""
        with self._lock:
            run.leads = self._free > 0
            if not run.leads and len(self._queue) >= self._most_waiting:
                raise ServiceError(503, BUSY.format(self._name, len(self._queue)), retry_after=1)
            self._free -= run.leads
            if not run.leads or self._max_delay:
                self._queue.append(run)
                if self._full and self._rows() >= self._max_batch:
                    self._full.set()
            return run.leads

    def wait(self, gate: threading.Lock) -> None:
        """Until it is opened; where that may take a while, another thread works meanwhile."""
        if self._usual.mean > SLOW or self._max_batch > 1:
            with aside():
                gate.acquire()
        else:
            gate.acquire()

    def lead(self, run: Run) -> Run | None:
        """Run a batch that begins with this one, whose turn it is; the next whose turn it is then."""
        if self._max_delay:
            self._wait_until_full()
        with self._lock:
            self._full = None
            if run in self._queue:
                self._queue.remove(run)
            batch = self._batch(run, self._queue, self._max_batch)
        try:
            self._run_together(batch)
        finally:
            heir = self._release()
            for one in batch:
                one.end()
        return heir

    def _wait_until_full(self) -> None:
        with self._lock:
            if self._rows() >= self._max_batch:
                return
            full = self._full = threading.Event()
        with aside():
            full.wait(self._max_delay)

    def _rows(self) -> int:
        return sum(one.rows for one in self._queue)

    def _batch(self, first: Run, others: deque[Run], most: int) -> list[Run]:
        """`first` and those that fit into one batch with it, taken from the others in the order in which they came."""
        batch, rows, left = [first], first.rows, deque[Run]()
        while others and rows < most:
            one = others.popleft()
            if not one.leads and rows + one.rows <= most and one.goes_with(first):
                batch.append(one)
                rows += one.rows
            else:
                left.append(one)
        others.extendleft(reversed(left))
        return batch

    def _run_together(self, batch: list[Run]) -> None:
        if len(batch) > 1:
            batch = [one for one in batch if self._is_wanted(one)]
            if len(batch) > 1 and self._joined(batch):
                return
        # One of them may be to blame: each is tried alone, and fails alone.
        for one in batch:
            self._run_alone(one)

    def _is_wanted(self, run: Run) -> bool:
        try:
            self._check(run.patience)
        except ServiceError as error:
            run.error = error
        return run.error is None

    def _joined(self, batch: list[Run]) -> bool:
        """Whether all got their outputs from one run."""
        ends = np.cumsum([one.rows for one in batch])
        try:
            joined = {name: np.concatenate([one.raw[name] for one in batch]) for name in batch[0].raw}
            outputs = self._metered(joined, [one.patience for one in batch])
        except Exception:
            return False
        if not all(x.ndim and len(x) == ends[-1] for x in outputs.values()):
            return False
        for one, end in zip(batch, ends, strict=True):
            one.outcome = {name: x[end - one.rows : end] for name, x in outputs.items()}
        return True

    def _run_alone(self, run: Run) -> None:
        try:
            self._check(run.patience)
            run.outcome = self._metered(run.raw, [run.patience])
        except SuiteError as error:
            run.error = ServiceError(422, str(error))
            run.error.__cause__ = error
        except Exception as error:
            run.error = error

    def _check(self, patience: Deadline) -> None:
        """ServiceError where nobody will be waiting when the model has run for as long as it usually does."""
        try:
            patience.check(self._usual.seconds)
        except ServiceError:
            self._usual.doubt()
            raise

    def _metered(self, raw: Arrays, waiting: list[Deadline]) -> Arrays:
        begun = monotonic()
        if self._usual.mean > SLOW:
            with aside():
                outputs = self._engine.run(raw)
        else:
            outputs = self._engine.run(raw)
        took, rows = monotonic() - begun, len(next(iter(raw.values())))
        self._usual.note(took)
        self._a_row.note(took / rows)
        for patience in waiting:
            if patience.ran:
                patience.ran(rows, begun, took)
        if self._meter:
            for patience in waiting:
                if patience.since is not None:
                    self._meter.waited(begun - patience.since)
            self._meter.ran(rows, took)
        return outputs

    def _release(self) -> Run | None:
        """Give the place to the first that waits, which is returned: it leads now."""
        with self._lock:
            heir = next((one for one in self._queue if not one.leads), None)
            # Below zero where more run than now may.
            if heir is None or self._free < 0:
                self._free += 1
                return None
            heir.leads = True
            return heir
