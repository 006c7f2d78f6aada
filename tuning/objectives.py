"""The objectives of a search: metrics on validation rows, and the cost of a prediction."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from suite.errors import UsageError, unknown
from suite.search_record import VALIDATION_PREFIX, Objective
from suite.task import Task

if TYPE_CHECKING:
    import keras

# Milliseconds for one row on the light engine, bytes of its file, floating-point operations for one row.
COSTS = ("latency", "size", "flops")
WARM_UP_RUNS, TIMED_RUNS = 20, 200
# What the costs of a budget may be written in.
UNITS = {
    "latency": {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3},
    "size": {"": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6},
    "flops": {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9},
}


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


def parse_limits(texts: Sequence[str]) -> dict[str, float]:
    """The limits of a budget by the names of costs, from texts such as `latency=0.2ms`, `size=300kB`, `flops=5M`."""
    limits: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in COSTS:
            raise unknown("cost", name, list(COSTS))
        found = re.fullmatch(r"(\d*\.?\d+(?:[eE][-+]?\d+)?)\s*([a-zA-Z]*)", value)
        if not found or found[2] not in UNITS[name] or not float(found[1]) > 0:
            example = {"latency": "0.2ms", "size": "300kB", "flops": "5M"}[name]
            raise UsageError(f"'{text}' is no budget: write it as {name}={example}")
        limits[name] = float(found[1]) * UNITS[name][found[2]]
    return limits


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


def check_limits(costs: Mapping[str, float], limits: Mapping[str, float]) -> None:
    """UsageError for costs beyond limits of the same names."""
    for name, limit in limits.items():
        if costs.get(name, 0.0) > limit:
            raise UsageError(f"its {name} of {costs[name]:.4g} is beyond the budget of {limit:.4g}")
