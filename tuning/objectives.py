"""The objectives of a search: metrics on validation rows, and the cost of a prediction."""

from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.search_record import VALIDATION_PREFIX, Objective
from suite.task import Task

if TYPE_CHECKING:
    import keras

# Milliseconds for one row on the light engine, bytes of its file, floating-point operations for one row.
COSTS = ("latency", "size", "flops")
WARM_UP_RUNS, TIMED_RUNS = 20, 200


def parse(text: str, task: Task, classes: int) -> list[Objective]:
    """Objectives from text such as `val_accuracy,latency`; `val_` may be left out.

    UsageError for an unknown objective, for one named twice, and if the first one is not a metric.
    """
    names = [part.strip() for part in text.split(",")]
    if len(set(names)) < len(names):
        raise UsageError(f"'{text}' names an objective twice: give each once")
    if names[0] in COSTS:
        raise UsageError(f"the first objective says how good a network is, and {names[0]} does not: put a metric first")
    return [_objective(name, task, classes) for name in names]


def _objective(name: str, task: Task, classes: int) -> Objective:
    if name in COSTS:
        return Objective(name, "min")
    metric = name.removeprefix(VALIDATION_PREFIX)
    task.check_objective(metric, classes, COSTS)
    return Objective(VALIDATION_PREFIX + metric, "max" if task.direction(metric) > 0 else "min")


def measure_costs(model: "keras.Model", names: list[str]) -> dict[str, float]:
    """The costs of these names.

    UsageError if the network has no light model, or if its operations cannot be counted.
    """
    measured: dict[str, float] = {}
    if "flops" in names:
        from suite.training import architecture

        pairs = architecture.multiply_adds(model)
        if pairs is None:
            raise UsageError("its operations cannot be counted: it reads in a loop")
        measured["flops"] = 2.0 * pairs
    if "size" in names or "latency" in names:
        from suite.training import export

        content = export.litert(model)
        if content is None:
            raise UsageError("it has no light model: the conversion failed")
        measured["size"] = float(len(content))
        if "latency" in names:
            measured["latency"] = export.litert_milliseconds(content, WARM_UP_RUNS, TIMED_RUNS)
    return {name: measured[name] for name in names}
