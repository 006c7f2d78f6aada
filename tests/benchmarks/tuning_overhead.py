"""What a search costs beside its trainings: TRIALS simulated ones in one search of 25 hyperparameters.

Prints for each strategy the milliseconds that it takes to suggest and be told, at the beginning and at the end, and
by how much memory grows for each trial; none of it with the journal, whose writes are the disk's.
"""

import resource
import subprocess
import sys
from time import perf_counter
from typing import Any

TRIALS, WINDOW = 10_000, 1_000
STRATEGIES = ("random", "evolution")


def main(names: list[str]) -> None:
    """Measure each strategy in a process of its own."""
    for name in names or STRATEGIES:
        subprocess.run([sys.executable, "-m", "tests.benchmarks.tuning_overhead", "--measure", name], check=True)


def measure(name: str) -> None:
    """Simulate one search."""
    from suite.report.trials import Objective
    from tuning import space, strategies

    objective = Objective("val_accuracy", "max")
    options = strategies.Options(TRIALS, 1, 0)
    strategy = strategies.create(name, space.hyperparameters(space.explore(_declare)), [objective], options)
    times, before = [], 0
    for number in range(TRIALS):
        if number == WINDOW:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = perf_counter()
        proposal = strategy.ask()
        assert proposal is not None
        strategy.tell(proposal, "completed", {objective.name: proposal.values["rate0"]})
        times.append(1000 * (perf_counter() - started))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (TRIALS - WINDOW)
    first, last = (sum(window) / WINDOW for window in (times[:WINDOW], times[-WINDOW:]))
    print(
        f"{name}  {first:.2f} ms a trial in the first {WINDOW:,}, {last:.2f} ms in the last of {TRIALS:,} (slowest "
        f"{max(times):.1f} ms), {grown:.1f} kB of memory a trial"
    )


def _declare(hp: Any) -> None:
    for number in range(5):
        if hp.Choice(f"kind{number}", ["none", "some"]) == "some":
            hp.Int(f"depth{number}", 1, 8)
        hp.Choice(f"activation{number}", ["relu", "gelu", "mish", "tanh"])
        hp.Float(f"rate{number}", 1e-4, 1e-1, sampling="log")
        hp.Boolean(f"norm{number}")


if __name__ == "__main__":
    measure(sys.argv[2]) if sys.argv[1:2] == ["--measure"] else main(sys.argv[1:])
