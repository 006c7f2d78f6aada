"""Methods that rank networks before training, on the table of cells (cells.py): how good are those that they choose?

SEEDS rankings by each method, in the space and with the rows of the table. Regret is the mean accuracy of the best
network of the table minus that of the network a search ends with: the one that is best in one training each of those
that a method ranks first. Units are its seconds of processor time in those of a training as in the table. The fair test
of shared weights is a budget, since the largest network is the best here: networks with at most one, and without,
conv_3x3. Written to figures/shared-weights.md.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
from scipy.stats import kendalltau

from suite import artifact
from suite.config import load_tensorflow
from tests.benchmarks import cells
from tests.benchmarks.cells import Entry, Operations
from tests.benchmarks.simulated_search import interval

SEEDS = 10
TRAINED = {"oneshot": 3, "darts": 1, "enas": 3, "proxies": 5}
BUDGETS: dict[str, Callable[[Operations], bool]] = {
    "any": lambda operations: True,
    "at most one conv_3x3": lambda operations: operations.count("conv_3x3") <= 1,
    "no conv_3x3": lambda operations: "conv_3x3" not in operations,
}
# Networks below this accuracy learn nothing: they are told apart by anything.
LIVE = 0.5


@dataclass
class Found:
    """What one ranking gave: the networks' scores, lower is better, and what it cost."""

    scores: dict[Operations, float]
    units: float
    notes: Sequence[str] = ()


def main() -> None:
    """Rank, and print a table."""
    load_tensorflow()
    table = cells.read()
    methods = sys.argv[1:] or list(TRAINED)
    unit = _unit()
    lines = [
        "| method | units | then trained | regret | at most one conv_3x3 | no conv_3x3 | Kendall's tau, all | live |",
        "| --- " * 8 + "|",
        _row("multiply-adds alone", 3, [Found(_by_size(table), 0.0)] * SEEDS, table),
        _row("random", 8, [Found(_by_chance(table, seed), 0.0) for seed in range(SEEDS)], table),
    ]
    notes = []
    for method in methods:
        found = []
        for seed in range(SEEDS):
            found.append(_rank(method, seed, unit))
            print(method, seed, f"{found[-1].units:.1f} units", next(iter(found[-1].scores)), flush=True)
        lines.append(_row(method, TRAINED[method], found, table))
        notes += [f"{method}, seed {seed}: {note}" for seed, one in enumerate(found) for note in one.notes]
        print(lines[-1], flush=True)
    note = (
        f"Means over {SEEDS} seeds, 95% bootstrap intervals; lower regret is better. A unit is one training of the "
        f"table's, {unit:.1f} s of processor time here. `make bench-oneshot`"
    )
    text = "\n".join([*lines, "", note, *(f"- {one}" for one in notes if "collapse" in one), ""])
    artifact.replace_file(cells.TABLE.with_name("shared-weights.md"), text.encode())
    print(text)


def _unit() -> float:
    """Seconds of processor time of the training of a network of the table, tracing included."""
    data, seconds = cells.digits(), []
    for operations in (("conv_3x3", "conv_3x3", "conv_3x3"), ("conv_1x1", "identity", "average_3x3")):
        started = process_time()
        cells.train(operations, 0, data)
        seconds.append(process_time() - started)
    return float(np.mean(seconds))


def _rank(method: str, seed: int, unit: float) -> Found:
    from tests.benchmarks import cells_domain
    from tuning import ranking

    problem = cells_domain.problem(seed, len(cells.OPERATIONS) ** len(cells.EDGES))
    started = process_time()
    found = ranking.rank(method, problem)
    units = (process_time() - started) / unit
    scores: dict[Operations, float] = {}
    for candidate in found.candidates:
        scores.setdefault(cells_domain.operations(candidate.hyperparameters), candidate.score)
    return Found(scores, units, found.notes)


def _by_size(table: dict[Operations, Entry]) -> dict[Operations, float]:
    return {operations: -float(entry.multiply_adds) for operations, entry in table.items()}


def _by_chance(table: dict[Operations, Entry], seed: int) -> dict[Operations, float]:
    scores = np.random.default_rng(seed).random(len(table))
    return dict(zip(table, map(float, scores), strict=True))


def _row(name: str, trained: int, found: list[Found], table: dict[Operations, Entry]) -> str:
    units = np.mean([one.units for one in found])
    regrets = [
        interval(np.array([_regret(one.scores, table, seed, trained, keep) for seed, one in enumerate(found)]))
        for keep in BUDGETS.values()
    ]
    taus = [interval(np.array([_tau(one.scores, table, least) for one in found])) for least in (0.0, LIVE)]
    return f"| {name} | {units:.1f} | {trained} | {' | '.join([*regrets, *taus])} |"


def _regret(
    scores: dict[Operations, float], table: dict[Operations, Entry], seed: int, trained: int,
    keep: Callable[[Operations], bool],
) -> float:  # fmt: skip
    ranked = [operations for operations in sorted(scores, key=lambda one: scores[one]) if keep(operations)]
    # One training of each, as a search would have it.
    winner = max(ranked[:trained], key=lambda one: table[one].accuracies[seed % cells.SEEDS])
    return max(entry.accuracy for operations, entry in table.items() if keep(operations)) - table[winner].accuracy


def _tau(scores: dict[Operations, float], table: dict[Operations, Entry], least: float) -> float:
    known = [operations for operations in scores if table[operations].accuracy >= least]
    return float(
        kendalltau([-scores[one] for one in known], [table[one].accuracy for one in known]).statistic
    )  # fmt: skip


if __name__ == "__main__":
    main()
