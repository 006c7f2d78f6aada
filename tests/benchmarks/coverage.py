"""How many numbers lie within the intervals that are to hold 90% of them: diamonds' prices, on 20 splits and seeds."""

import numpy as np

from suite import domain as registry
from suite.data import builtin
from suite.data.options import DataOptions
from tests.benchmarks import ours

SEEDS = 20


def main() -> None:
    """Print the share of each split's test rows within their intervals, R2, and the means."""
    from suite.training import regression_metrics

    domain, found = registry.get("table"), []
    for seed in range(SEEDS):
        dataset = builtin.load("diamonds", DataOptions(seed=seed))
        answers, seconds = ours.answers(domain, dataset, dataset.rows, seed)
        metrics = regression_metrics.evaluate(dataset.y[dataset.rows["test"]], answers)
        found.append((metrics["coverage"], metrics["r2"]))
        print(f"seed {seed}: coverage {found[-1][0]:.4f}, R2 {found[-1][1]:.4f}, {seconds:.0f} s", flush=True)
    coverage, r2 = np.mean(found, axis=0)
    print(f"mean of {SEEDS}: coverage {coverage:.4f}, R2 {r2:.4f}")


if __name__ == "__main__":
    main()
