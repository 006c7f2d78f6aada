"""What a search asks of a worker, and the worker's answer: plain values that can cross processes."""

from dataclasses import dataclass
from typing import Any

# A task is paused if its time was up before its last epoch; its other statuses are those of a trial.
PAUSED = "paused"
Values = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """Train the network of trial number `trial` up to `target_epoch`.

    A trial has one run for each fold and repeat; `run_index` numbers them. A run that stopped at an earlier epoch goes
    on from there. With `measure_costs`, the worker also measures what a prediction of the network costs. No epoch
    begins after `deadline`, in seconds of `time.time`. A network whose epochs take longer than `max_epoch_seconds` is
    infeasible.
    """

    trial: int
    values: Values
    run_index: int
    target_epoch: int
    measure_costs: bool
    deadline: float | None = None
    max_epoch_seconds: float | None = None


@dataclass(frozen=True)
class TaskResult:
    """The objectives by name, or the `reason` why there are none; `epochs` counts all epochs of the run so far.

    `setup_seconds` of the `seconds` were over before the first training step was.
    `status` is completed, infeasible, failed or paused.
    """

    status: str
    scores: dict[str, float]
    epochs: int
    seconds: float
    reason: str | None = None
    setup_seconds: float = 0.0
