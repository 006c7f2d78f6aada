"""Every strategy and simple proxies on the 15,625 cells of NAS-Bench-201 (Dong & Yang 2020), trained for 12 epochs.

A search is told of the validation accuracies of the cells that it tries on CIFAR-10, and its regret is measured by the
same: for each cell the table has one training. A proxy is computed from the cell alone. Written to
figures/nasbench201.md.
"""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

from scipy.stats import kendalltau, spearmanr

from suite import artifact
from suite.config import load_tensorflow
from tests.benchmarks import cells, shared_data, simulated_search

FIGURE = Path(__file__).with_name("figures") / "nasbench201.md"
EDGES = ("0-1", "0-2", "1-2", "0-3", "1-3", "2-3")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
# Weights of a convolution for each pair of its channels.
TAPS = {"nor_conv_1x1": 1, "nor_conv_3x3": 9}
# The cells of a stage, and its channels and pixels.
REPEATS, STAGES = 5, ((16, 32 * 32), (32, 16 * 16), (64, 8 * 8))
DATA_SETS = ("cifar10", "cifar100", "imagenet")
SEEDS, SEEDS_OF_SLOW = 40, 20
SLOW = "bayesian"
# Without curves there are no steps to train in; KerasTuner's Bayesian optimisation takes minutes for each search.
LEFT_OUT = ("hyperband", "KerasTuner's Bayesian")
AFTER = (25, 50, 100)
Scores = dict[cells.Operations, dict[str, float]]


def main() -> None:
    """Rank by proxies, simulate searches, and print both tables."""
    scores = read()
    load_tensorflow()
    proxies = rank(scores)
    names = [name for name in simulated_search.strategies() if name not in LEFT_OUT]
    searches = simulated_search.compare(
        table(scores), names, lambda name: SEEDS_OF_SLOW if name == SLOW else SEEDS, AFTER
    )  # fmt: skip
    note = """\
Means over the seeds, 95% bootstrap intervals; below zero is better. Proxies: Spearman's rho and Kendall's tau with the
accuracy on test over all cells. `make bench-nasbench201`"""
    artifact.replace_file(FIGURE, "\n".join([*searches, "", *proxies, "", note, ""]).encode())


def read() -> Scores:
    """Accuracies from 0 to 1 by operations, then by data set and split: "cifar10-val"."""
    with gzip.open(shared_data.folder("nb201") / "nb201_acc.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    columns = [f"{name}-{split}" for name in DATA_SETS for split in ("val", "test")]
    return {parsed(row["cellstr"]): {column: float(row[column]) / 100 for column in columns} for row in rows}


def parsed(cell: str) -> cells.Operations:
    """The operations on EDGES of a cell that is written as |nor_conv_3x3~0|+|none~0|skip_connect~1|+..."""
    incoming = [edge for node in cell.split("+") for edge in node.strip("|").split("|")]
    return tuple(edge.partition("~")[0] for edge in incoming)


def table(scores: Scores) -> simulated_search.Table:
    """The cells by their validation accuracy on CIFAR-10."""
    accuracies = {operations: known["cifar10-val"] for operations, known in scores.items()}
    return simulated_search.Table(
        EDGES, OPERATIONS, 1, accuracies, lambda operations, epoch, seed: accuracies[operations],
        lambda operations: cells.canonical(operations, EDGES),
    )  # fmt: skip


def rank(scores: Scores) -> list[str]:
    """The lines of a Markdown table: how well each proxy ranks the cells by accuracy on test, by data set."""
    every = list(scores)
    proxies = {
        "weights of convolutions": [weights(operations) for operations in every],
        "multiply-adds of the convolutions that matter": [multiply_adds(operations) for operations in every],
        "number of convolutions": [sum(operation in TAPS for operation in operations) for operations in every],
    }
    lines = [f"| proxy | {' | '.join(DATA_SETS)} |", "| --- " * (len(DATA_SETS) + 1) + "|"]
    for proxy, values in proxies.items():
        lines.append(_row(proxy, [values] * len(DATA_SETS), scores))
    validation = [[scores[operations][f"{name}-val"] for operations in every] for name in DATA_SETS]
    lines.append(_row("accuracy on validation", validation, scores))
    print("\n".join(lines), flush=True)
    return lines


def _row(name: str, values: Sequence[Sequence[float]], scores: Scores) -> str:
    found = []
    for data_set, predicted in zip(DATA_SETS, values, strict=True):
        accuracies = [known[f"{data_set}-test"] for known in scores.values()]
        rho, tau = spearmanr(predicted, accuracies).statistic, kendalltau(predicted, accuracies).statistic
        found.append(f"{rho:.3f}, {tau:.3f}")
    return f"| {name} | {' | '.join(found)} |"


def weights(operations: cells.Operations) -> int:
    """The weights of all convolutions of all cells."""
    taps = sum(TAPS.get(operation, 0) for operation in operations)
    return sum(REPEATS * channels**2 * taps for channels, _ in STAGES)


def multiply_adds(operations: cells.Operations) -> int:
    """The multiply-adds of the convolutions through which something goes from the cell's input to its output."""
    taps = sum(TAPS.get(operation, 0) for operation in cells.canonical(operations, EDGES))
    return sum(REPEATS * channels**2 * taps * pixels for channels, pixels in STAGES)


if __name__ == "__main__":
    main()
