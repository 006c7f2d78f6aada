"""Milliseconds a training step: a supernet of the table of cells (cells.py) against the network of its largest path.

Both train in turns, PAIRS times ROUNDS epochs each after a first epoch that does not count. Prints the median ratio
with its quartiles.
"""

import statistics
from time import perf_counter
from typing import Any

import numpy as np

from suite.config import load_tensorflow

PAIRS, ROUNDS = 9, 10


class Trained:
    """A network that is trained some epochs at a time."""

    def __init__(self, model: Any, prepared: Any, size: int, before: Any) -> None:
        from suite.training import steps
        from suite.training.data import TrainingChunks

        self._model = model
        self._dataset = TrainingChunks(prepared, size, seed=0).dataset()
        model.train_function = steps.train_function(model, size, before)
        self.steps = -(-len(prepared.rows["train"]) // size)
        self.milliseconds(1)

    def milliseconds(self, epochs: int) -> float:
        """A step's, over so many epochs."""
        started = perf_counter()
        self._model.fit(self._dataset, epochs=epochs, verbose=0, shuffle=False)
        return 1_000 * (perf_counter() - started) / (epochs * self.steps)


def main() -> None:
    """Measure and print."""
    load_tensorflow()
    from suite.training import model as networks
    from tests.benchmarks import cells_domain
    from tests.benchmarks.cells import BATCH, EDGES
    from tuning.supernet.supernet import Route, Supernet

    problem = cells_domain.problem(0)
    supernet = Supernet.of(problem, epochs=1)
    random = np.random.default_rng(0)
    steps_of_epoch = -(-len(problem.prepared.rows["train"]) // BATCH)
    route = Route(
        supernet, lambda epoch, count: np.array([supernet.draw(random) for _ in range(count)]), steps_of_epoch
    )
    route.on_epoch_begin(0)
    largest = supernet.path_of(dict.fromkeys(EDGES, "conv_3x3"))
    alone = networks.build(problem.domain, supernet.hyperparameters(largest), problem.prepared, 1)
    ours = Trained(supernet.model, problem.prepared, BATCH, route.advance)
    single = Trained(alone, problem.prepared, BATCH, lambda: None)
    pairs = []
    for _ in range(PAIRS):
        mine, theirs = ours.milliseconds(ROUNDS), single.milliseconds(ROUNDS)
        pairs.append(mine / theirs)
        print(f"supernet {mine:.2f} ms  its largest path by itself {theirs:.2f} ms  ratio {pairs[-1]:.2f}", flush=True)
    low, middle, high = statistics.quantiles(pairs, n=4)
    print(f"ratio {middle:.2f} (quartiles {low:.2f} to {high:.2f}) over {PAIRS} pairs")


if __name__ == "__main__":
    main()
