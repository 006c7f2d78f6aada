"""What a search goes by: metrics on validation, and what an answer of the network costs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.training import evaluate

if TYPE_CHECKING:
    import keras

PREFIX = "val_"
# Milliseconds for one row on the light engine, bytes of its file, floating-point operations for one row.
COSTS = ("latency", "size", "flops")
WARM_UP, RUNS = 20, 200


@dataclass(frozen=True)
class Objective:
    """A name, as in `val_accuracy` or `latency`, and whether more of it is better (`max`) or less (`min`)."""

    name: str
    direction: str

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.direction == "max" else -1.0

    @property
    def metric(self) -> str | None:
        """The metric of suite.training.evaluate; None for a cost."""
        return self.name.removeprefix(PREFIX) if self.name.startswith(PREFIX) else None


def parse(text: str, classes: int) -> list[Objective]:
    """Objectives from `val_accuracy,latency` (`val_` may be left out), the first a metric; UsageError for others."""
    names = [part.strip() for part in text.split(",")]
    if len(set(names)) < len(names):
        raise UsageError(f"'{text}' names an objective twice: give each once")
    if names[0] in COSTS:
        raise UsageError(f"the first objective says how good a network is, and {names[0]} does not: put a metric first")
    return [_objective(name, classes) for name in names]


def _objective(name: str, classes: int) -> Objective:
    if name in COSTS:
        return Objective(name, "min")
    metric = name.removeprefix(PREFIX)
    evaluate.check_objective(metric, classes, COSTS)
    return Objective(PREFIX + metric, "max" if evaluate.direction(metric) > 0 else "min")


def costs(model: "keras.Model", names: list[str]) -> dict[str, float]:
    """The costs of these names; UsageError where the network has no light model, or loops whose rounds are unknown."""
    found: dict[str, float] = {}
    if "flops" in names:
        from suite.training import architecture

        pairs = architecture.multiply_adds(model)
        if pairs is None:
            raise UsageError("its operations cannot be counted: it reads in a loop")
        found["flops"] = 2.0 * pairs
    if "size" in names or "latency" in names:
        from suite.training import export

        content = export.litert(model)
        if content is None:
            raise UsageError("it has no light model: the conversion failed")
        found["size"] = float(len(content))
        if "latency" in names:
            found["latency"] = export.litert_milliseconds(content, WARM_UP, RUNS)
    return {name: found[name] for name in names}
