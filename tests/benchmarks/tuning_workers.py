"""Trials per hour: two workers with a core each, against one with one core and one with both.

The same random trials of the classic ConvNet on the embedded pictures, an epoch each, in turns; how long workers take
to start is not counted. Prints the median ratios with their ranges, and writes them to figures/tuning-workers.md.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from suite import artifact
from suite.config import load_tensorflow

FIGURES = Path(__file__).with_name("figures")
TRIALS, ROUNDS = 8, 5
FIXED = ("network=lenet", "batch_size=64")
WAYS = {"one worker, one core": (1, 1), "one worker, both cores": (1, 2), "two workers, a core each": (2, 2)}


@contextmanager
def limited(cores: int) -> Iterator[None]:
    """Use only this many cores in this block and in the processes that it starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main() -> None:
    """Measure and print."""
    load_tensorflow()
    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions
    from suite.search_record import Objective
    from suite.training.data import prepare
    from tuning import domain_space, runner, space, space_restriction, strategies
    from tuning.executors import ProcessExecutor
    from tuning.journal import JOURNAL_FILE, Journal
    from tuning.oracles.options import OracleOptions
    from tuning.plan import SearchPlan
    from tuning.search import Search

    domain = registry.get("image_cls")
    dataset = domains.load_data(domain, None, DataOptions())
    restriction = space_restriction.parse((), FIXED, None)
    found = domain_space.explore(domain, prepare(domain, dataset), new_hyperparameters=restriction.new_hyperparameters)
    objective = Objective("val_accuracy", "max")

    def seconds(workers: int, cores: int, seed: int) -> float:
        plan = SearchPlan("random", [objective], 1, seed, TRIALS, workers=workers)
        strategy = strategies.create(
            "random", space.to_hyperparameters(found), plan.objectives, OracleOptions(TRIALS, 1, seed)
        )
        with tempfile.TemporaryDirectory() as folder, limited(cores):
            job = runner.SearchJob(domain.name, dataset, (objective,), 1, seed, 1, Path(folder))
            with ProcessExecutor(workers, runner.initialize_worker, (job,)) as executor:
                # Both have to be busy for both to begin.
                for begun in [executor.submit(_pause) for _ in range(workers)]:
                    begun.result()
                started = perf_counter()
                Search(plan, strategy, Journal(Path(folder, JOURNAL_FILE)), executor, runner.run_in_worker).run()
                return perf_counter() - started

    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(ROUNDS):
        for way, (workers, cores) in WAYS.items():
            taken[way].append(seconds(workers, cores, number))
        print({way: round(each[-1], 1) for way, each in taken.items()}, flush=True)
    lines = []
    two = taken.pop("two workers, a core each")
    for way, each in taken.items():
        ratios = [alone / both for alone, both in zip(each, two, strict=True)]
        lines.append(f"two workers, a core each: {statistics.median(ratios):.2f} times as many trials as {way} "
                     f"({min(ratios):.2f} to {max(ratios):.2f} over {ROUNDS} rounds)")  # fmt: skip
        print(lines[-1], flush=True)
    artifact.replace_file(FIGURES / "tuning-workers.md", "\n".join([*lines, "", "`make bench-tuning`", ""]).encode())


def _pause() -> None:
    from time import sleep

    sleep(2)


if __name__ == "__main__":
    main()
