"""What each member of a network for tables adds: metrics of base models alone, beside those of the whole network."""

from collections.abc import Mapping, Sequence

from suite.blocks.stacking import BASE, NETWORK
from suite.training.data import PreparedData

Metrics = Mapping[str, float]


def on_validation_rows(
    prepared: PreparedData, members: Sequence[str], names: Sequence[str], whole: Metrics
) -> dict[str, dict[str, float]]:
    """Some metrics of each of the base models, of all of them, and of the whole network, by the names of members.

    Empty for a network without base models. `whole` are the metrics of the whole network.
    """
    base = [member for member in members if member in BASE]
    if prepared.base is None or not base:
        return {}
    rows = prepared.rows["validation"]
    found: dict[str, Metrics] = {}
    for some in [*([member] for member in base), base]:
        scores = prepared.base.combined(some)[rows]
        answers = prepared.task.answers_of(scores, prepared.target)
        found["+".join(some)] = prepared.task.evaluate(prepared.y[rows], answers)
    if NETWORK in members:
        found["+".join(members)] = whole
    return {label: {name: metrics[name] for name in names if name in metrics} for label, metrics in found.items()}
