"""Calls of a model, and the runs of its engine that answer them: of several calls at once, or of a part of one."""

from asyncio import Future
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from serving.deadline import Deadline
from serving.engines.base import Arrays, Engine, count_rows, joined
from serving.errors import ServiceError
from suite.errors import SuiteError

# The batch key of models with a card, whose calls can all be joined with one another.
DEFAULT_BATCH_KEY = "rows"


class InferenceCall:
    """The rows of one request for a model. The future `result` receives the outputs or the error.

    Calls with equal `batch_key` (for example the shape of a row) can share a batch; a call without a key (None) runs
    alone. A call without `may_inline` runs on a thread, however quick the model is. `on_run` is called after the model
    has run, with the rows of the batch, its start (`time.monotonic`) and its duration in seconds. `parts` holds the
    outputs of a large call of which only the first rows have been run, and `left` is the number of the other rows.
    """

    __slots__ = (
        "batch_key", "deadline", "inputs", "left", "may_inline", "on_run", "parts", "result", "rows", "seconds",
    )  # fmt: skip

    def __init__(
        self, inputs: Arrays, deadline: Deadline, batch_key: Hashable = DEFAULT_BATCH_KEY, may_inline: bool = True,
        on_run: Callable[[int, float, float], None] | None = None,
    ) -> None:  # fmt: skip
        self.inputs, self.deadline, self.batch_key = inputs, deadline, batch_key
        self.may_inline, self.on_run = may_inline, on_run
        self.rows = self.left = count_rows(inputs)
        self.parts: list[Arrays] = []
        # How long the runs of its parts took together.
        self.seconds = 0.0
        self.result: Future[Arrays]

    def set_result(self, value: Arrays | Exception) -> None:
        """Give the client its outputs or the error, unless it has left."""
        if self.result.done():
            return
        if isinstance(value, Exception):
            self.result.set_exception(value)
        else:
            self.result.set_result(value)


@dataclass(frozen=True, slots=True)
class Run:
    """The rows, start time and duration in seconds of one run of an engine."""

    rows: int
    started_at: float
    seconds: float


Outcome = tuple[Arrays | Exception, Run | None]


class BatchWork:
    """A run of one or several calls. Call it on any thread; then the event loop calls `finish`."""

    __slots__ = ("_calls", "_clock", "_engine", "_note", "_outcomes")

    def __init__(
        self, engine: Engine, calls: list[InferenceCall], clock: Callable[[], float],
        note: Callable[[Sequence[InferenceCall], Sequence[Outcome]], None],
    ) -> None:  # fmt: skip
        self._engine, self._calls, self._clock, self._note = engine, calls, clock, note
        self._outcomes: list[Outcome] = []

    def __call__(self) -> None:
        engine, calls, clock = self._engine, self._calls, self._clock
        together = _run_joined(engine, [call.inputs for call in calls], clock) if len(calls) > 1 else None
        # If the joined run fails, a single call may be the cause: run each alone, so that only that one fails.
        self._outcomes = together or [_run_alone(engine, call.inputs, call.deadline, clock) for call in calls]

    def finish(self, error: BaseException | None = None) -> None:
        """Pass the outcomes on, in the event loop, after the run; `error` is the exception that it raised, if any."""
        self._note(self._calls, self._outcomes if error is None else [_failed(error)] * len(self._calls))


class PartWork:
    """A run of the next rows of a large call. Call it on any thread; then the event loop calls `finish`.

    The outcome has the outputs of these rows, or of all rows if they were the last.
    """

    __slots__ = ("_call", "_clock", "_engine", "_note", "_outcome", "_rows")

    def __init__(
        self, engine: Engine, call: InferenceCall, rows: int, clock: Callable[[], float],
        note: Callable[[InferenceCall, int, Outcome], None],
    ) -> None:  # fmt: skip
        self._engine, self._call, self._rows, self._clock, self._note = engine, call, rows, clock, note
        self._outcome: Outcome

    def __call__(self) -> None:
        call, start = self._call, self._call.rows - self._call.left
        part = {name: x[start : start + self._rows] for name, x in call.inputs.items()}
        outputs, run = _run_alone(self._engine, part, call.deadline, self._clock)
        if self._rows == call.left and not isinstance(outputs, Exception):
            outputs = joined([*call.parts, outputs])
        self._outcome = outputs, run

    def finish(self, error: BaseException | None = None) -> None:
        """Pass the outcome on, in the event loop, after the run; `error` is the exception that it raised, if any."""
        self._note(self._call, self._rows, self._outcome if error is None else _failed(error))


def _failed(error: BaseException) -> Outcome:
    return error if isinstance(error, Exception) else RuntimeError(f"the run was ended by {error!r}"), None


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
