"""Results of the benchmarks of the domains, as rows of one table."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite import artifact

RESAMPLES = 2_000


@dataclass(frozen=True)
class Row:
    """One model on one task: its score on each split, and how its settings were chosen."""

    task: str
    model: str
    scores: Sequence[float]
    seconds: float
    chosen: str
    difference: str = ""

    def cells(self) -> list[str]:
        """The row as text: task, model, mean, deviation, difference to the best rival, seconds, how chosen."""
        deviation = statistics.stdev(self.scores) if len(self.scores) > 1 else 0.0
        mean = f"{statistics.mean(self.scores):.4f} ± {deviation:.4f}" if deviation else f"{self.scores[0]:.4f}"
        return [self.task, self.model, mean, self.difference, f"{self.seconds:.0f}", self.chosen]


HEADER = [
    "task",
    "model",
    "mean ± deviation",
    "difference to the best rival",
    "seconds",
    "how its settings were chosen",
]


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measure_tasks(
    columns: Sequence[str], measure: Callable[[str], str], names: Sequence[str], all_names: Iterable[str], figure: Path,
    command: str,
) -> None:  # fmt: skip
    """Measure tasks one by one, those of these names or all, and keep their table with the command that repeats it."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name in names or all_names:
        lines.append(measure(name))
        print(lines[-1], flush=True)
    repeat = f"{command} TASKS='{' '.join(names)}'" if names else command
    artifact.replace_file(figure, "\n".join([*lines, "", f"`{repeat}`", ""]).encode())


def paired_interval(metric: object, pairs: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> str:
    """Mean difference of `metric(y, scores)` over splits, and its 95% interval by a paired bootstrap of the rows.

    `pairs` holds for each split y, our scores and the rival's.
    """
    assert callable(metric)
    generator = np.random.default_rng(0)

    def difference(draw: bool) -> float:
        found = []
        for y, ours, theirs in pairs:
            rows = generator.integers(0, len(y), len(y)) if draw else np.arange(len(y))
            found.append(metric(y[rows], ours[rows]) - metric(y[rows], theirs[rows]))
        return float(np.mean(found))

    low, high = np.percentile([difference(True) for _ in range(RESAMPLES)], [2.5, 97.5])
    return f"{difference(False):+.4f} ({low:+.4f} to {high:+.4f})"
