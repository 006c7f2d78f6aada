"""Every strategy on a table of 125 networks, 85 of them distinct, that were all trained before (cells.py).

A search is told of one training of each network, as it would be; its regret is measured by the mean of all trainings.
Written to figures/tuning-table.md.
"""

from itertools import product

import numpy as np

from suite import artifact
from suite.config import load_tensorflow
from tests.benchmarks import cells, simulated_search

SEEDS, SEEDS_OF_SLOW = 100, 40
SLOW = "KerasTuner's Bayesian"
AFTER = (10, 20, 30)


def main() -> None:
    """Simulate, and print a table."""
    load_tensorflow()
    lines = simulated_search.compare(
        table(), simulated_search.strategies(), lambda name: SEEDS_OF_SLOW if name == SLOW else SEEDS, AFTER
    )
    ceiling = cells.noise_ceiling(cells.read())
    note = f"""\
Means over the seeds, 95% bootstrap intervals; below zero is better. An accuracy is the mean of {cells.SEEDS}
trainings, of which a search is told of one; networks that equal each other count once. Kendall's tau of one training
against the mean of the others, over the distinct networks: {ceiling:.3f}. `make bench-tuning-table`"""
    artifact.replace_file(cells.TABLE.with_name("tuning-table.md"), "\n".join([*lines, "", note, ""]).encode())


def table() -> simulated_search.Table:
    """The table of cells; each search's seed draws which training of every network it is told of."""
    entries = cells.read()
    every = list(product(cells.OPERATIONS, repeat=len(cells.EDGES)))

    def told(operations: cells.Operations, epoch: int, seed: int) -> float:
        drawn = np.random.default_rng(seed).integers(cells.SEEDS, size=len(every))[every.index(operations)]
        return entries[cells.canonical(operations)].validation[int(drawn)][epoch - 1]

    accuracies = {operations: entries[cells.canonical(operations)].accuracy for operations in every}
    return simulated_search.Table(cells.EDGES, cells.OPERATIONS, cells.EPOCHS, accuracies, told, cells.canonical)


if __name__ == "__main__":
    main()
