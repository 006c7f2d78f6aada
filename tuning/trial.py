"""What one trial of a search is, what is asked of a worker, and what it answers: plain values that cross processes."""

from dataclasses import dataclass, field
from typing import Any

COMPLETED, INFEASIBLE, FAILED = "completed", "infeasible", "failed"
# A trial is `running` until it is one of those; a task is `paused` where its time was up before its last epoch.
RUNNING, PAUSED = "running", "paused"
Values = dict[str, Any]


@dataclass
class Trial:
    """One network that was tried; `score` is the first objective, the mean of all its trainings.

    `status` is completed, infeasible (the network cannot be built) or failed (its training ended in an error, twice
    where its worker died); `reason` says why, or why it was stopped early. `deviation` is that of several trainings.
    `scores` holds every objective by name. `epochs` were trained, `seconds` taken, `started` seconds into the search.
    """

    id: int
    status: str
    hyperparameters: Values
    score: float | None = None
    deviation: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    started: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class Task:
    """Train trial `trial` up to epoch `until`; `part` numbers its trainings, one a fold and repeat.

    A training that was stopped at an earlier epoch goes on from there. With `costs`, measure what an answer costs too.
    After `deadline`, in seconds of `time.time`, no epoch begins. A network whose epochs take longer than
    `epoch_seconds` is infeasible.
    """

    trial: int
    values: Values
    part: int
    until: int
    costs: bool
    deadline: float | None = None
    epoch_seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """The answer to a task: the objectives by name, or why there are none; `epochs` were trained in all.

    `status` is completed, infeasible, failed, or paused.
    """

    status: str
    scores: dict[str, float]
    epochs: int
    seconds: float
    reason: str | None = None
