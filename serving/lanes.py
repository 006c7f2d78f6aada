"""How requests come to a model's engine: a bounded queue, in which those that wait anyway run together."""

import threading
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from serving.engines import Arrays, Engine
from serving.errors import ServiceError
from serving.metrics import LaneMeter
from serving.patience import ENDLESS, Patience
from serving.pool import aside
from suite.errors import SuiteError

# A model that takes longer, in seconds, does not keep a worker's threads from others.
SLOW = 0.002
BUSY = "the model '{}' has {} requests waiting, which is all it may: ask again in a moment"


@dataclass(eq=False)
class _Waiting:
    """A request in the queue; `gate` opens when it is its turn to lead a batch, or when its answer is there."""

    raw: Arrays
    rows: int
    patience: Patience
    gate: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False
    done: bool = False
    outputs: Arrays = field(default_factory=dict)
    error: Exception | None = None

    def goes_with(self, other: "_Waiting") -> bool:
        """Whether both can be rows of one batch."""
        return self.raw.keys() == other.raw.keys() and all(
            x.dtype == other.raw[name].dtype and x.shape[1:] == other.raw[name].shape[1:]
            for name, x in self.raw.items()
        )


class Usual:
    """How long runs take: a mean in which the last ones count most, and by how much they differ from it (RFC 6298)."""

    def __init__(self) -> None:
        self.mean = self._deviation = 0.0

    @property
    def seconds(self) -> float:
        """What nearly no run exceeds."""
        return self.mean + 4 * self._deviation

    def note(self, seconds: float) -> None:
        """A run took so long."""
        difference = seconds - self.mean
        self.mean += difference / 8
        self._deviation += (abs(difference) - self._deviation) / 4

    def doubt(self) -> None:
        """Somebody was refused because of it: one slow run must not have all be refused for good."""
        self.mean *= 0.95
        self._deviation *= 0.95


class Lane:
    """A model's queue of at most `most_waiting` requests, of which `at_once` batches run at the same time.

    A request that finds a free place runs at once. Those that have to wait are run by the first of them, when a place
    becomes free, in one batch of up to `max_batch` rows; with a `max_delay` in seconds a batch waits so long to become
    full. With a `max_batch` of 1 each runs alone.
    """

    def __init__(
        self, name: str, engine: Engine, *, at_once: int, most_waiting: int, max_batch: int, max_delay: float = 0.0,
        meter: LaneMeter | None = None,
    ) -> None:  # fmt: skip
        self._name, self._engine, self._meter = name, engine, meter
        self._usual = Usual()
        self._lock = threading.Lock()
        self._at_once = self._free = 0
        self.limit(at_once=at_once, most_waiting=most_waiting, max_batch=max_batch, max_delay=max_delay)
        self._queue: deque[_Waiting] = deque()
        self._full: threading.Event | None = None

    def limit(self, *, at_once: int, most_waiting: int, max_batch: int, max_delay: float) -> None:
        """Go by these from now on."""
        with self._lock:
            self._free += at_once - self._at_once
            self._at_once = at_once
            self._most_waiting, self._max_batch, self._max_delay = most_waiting, max_batch, max_delay

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def run(self, raw: Arrays, patience: Patience = ENDLESS) -> Arrays:
        """The engine's outputs; ServiceError 503 where the queue is full, 504 or 499 where nobody waits any longer, 422
        where the model has no answer.
        """
        with self._lock:
            free = self._free > 0
            self._free -= free
            mine = None if free and not self._max_delay else self._enqueue(raw, patience, leads=free)
        if mine is None:
            try:
                return self._run(raw, patience)
            finally:
                self._release()
        if self._usual.mean > SLOW or self._max_batch > 1:
            with aside():
                mine.gate.acquire()
        else:
            mine.gate.acquire()
        if not mine.done:
            self._lead(mine)
        if mine.error:
            raise mine.error
        return mine.outputs

    def _enqueue(self, raw: Arrays, patience: Patience, leads: bool) -> _Waiting:
        if not leads and len(self._queue) >= self._most_waiting:
            raise ServiceError(503, BUSY.format(self._name, len(self._queue)), retry_after=1)
        mine = _Waiting(raw, len(next(iter(raw.values()))), patience, leads=leads)
        if not leads:
            mine.gate.acquire()
        self._queue.append(mine)
        if self._full and self._rows() >= self._max_batch:
            self._full.set()
        return mine

    def _lead(self, mine: _Waiting) -> None:
        """Run a batch that begins with `mine`."""
        if self._max_delay:
            self._wait_until_full()
        with self._lock:
            batch = self._take(mine)
        try:
            self._run_together(batch)
        finally:
            for one in batch:
                one.done = True
                if one is not mine:
                    one.gate.release()
            self._release()

    def _wait_until_full(self) -> None:
        with self._lock:
            if self._rows() >= self._max_batch:
                return
            full = self._full = threading.Event()
        with aside():
            full.wait(self._max_delay)

    def _rows(self) -> int:
        return sum(one.rows for one in self._queue)

    def _take(self, first: _Waiting) -> list[_Waiting]:
        """`first` and those that fit into one batch with it, in the order in which they came."""
        self._full = None
        self._queue.remove(first)
        batch, rows, left = [first], first.rows, deque[_Waiting]()
        while self._queue and rows < self._max_batch:
            one = self._queue.popleft()
            if not one.leads and rows + one.rows <= self._max_batch and one.goes_with(first):
                batch.append(one)
                rows += one.rows
            else:
                left.append(one)
        self._queue.extendleft(reversed(left))
        return batch

    def _run_together(self, batch: list[_Waiting]) -> None:
        for one in batch:
            try:
                self._check(one.patience)
            except ServiceError as error:
                one.error = error
        kept = [one for one in batch if one.error is None]
        if len(kept) > 1 and self._joined(kept):
            return
        # One of them may be to blame: each is tried alone, and fails alone.
        for one in kept:
            try:
                one.outputs = self._run(one.raw, one.patience)
            except Exception as error:
                one.error = error

    def _joined(self, batch: list[_Waiting]) -> bool:
        """Whether all got their outputs from one run."""
        joined = {name: np.concatenate([one.raw[name] for one in batch]) for name in batch[0].raw}
        ends = np.cumsum([one.rows for one in batch])
        try:
            outputs = self._metered(joined, [one.patience for one in batch])
        except Exception:
            return False
        if not all(x.ndim and len(x) == ends[-1] for x in outputs.values()):
            return False
        for one, end in zip(batch, ends, strict=True):
            one.outputs = {name: x[end - one.rows : end] for name, x in outputs.items()}
        return True

    def _run(self, raw: Arrays, patience: Patience) -> Arrays:
        self._check(patience)
        try:
            return self._metered(raw, [patience])
        except SuiteError as error:
            raise ServiceError(422, str(error)) from error

    def _check(self, patience: Patience) -> None:
        """ServiceError where nobody will be waiting when the model has run for as long as it usually does."""
        try:
            patience.check(self._usual.seconds)
        except ServiceError:
            self._usual.doubt()
            raise

    def _metered(self, raw: Arrays, waiting: list[Patience]) -> Arrays:
        begun = monotonic()
        if self._usual.mean > SLOW:
            with aside():
                outputs = self._engine.run(raw)
        else:
            outputs = self._engine.run(raw)
        took, rows = monotonic() - begun, len(next(iter(raw.values())))
        self._usual.note(took)
        for patience in waiting:
            if patience.ran:
                patience.ran(rows, begun, took)
        if self._meter:
            for patience in waiting:
                if patience.since is not None:
                    self._meter.waited(begun - patience.since)
            self._meter.ran(rows, took)
        return outputs

    def _release(self) -> None:
        """Give the place to the first that waits."""
        with self._lock:
            heir = next((one for one in self._queue if not one.leads), None)
            # Below zero where more run than now may.
            if heir is None or self._free < 0:
                self._free += 1
                return
            heir.leads = True
        heir.gate.release()
