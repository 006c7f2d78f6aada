"""How well scores of untrained networks tell which will be good, on a table of networks that were trained (cells.py).

A network's accuracy is the mean on validation over the table's trainings. Each of the distinct networks is built with
SEEDS first weights, and scored by every proxy on 64 training rows. The regret is the best accuracy in the table minus
the best among as many networks as are chosen by the proxy, ties at random. Milliseconds are those of the default
network of pictures of 28 by 28 pixels. Written to figures/proxies.md.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import kendalltau, rankdata, spearmanr

from suite import artifact
from suite.config import load_tensorflow
from tests.benchmarks import cells

SEEDS = 5
CHOSEN = (1, 5, 10)
TIMED = 20
# Their ranks, added up.
COMBINED = "synflow + naswot"


def main() -> None:
    """Score all networks, and print a table."""
    load_tensorflow()
    entries = cells.read()
    accuracies = np.array([entry.accuracy for entry in entries.values()])
    by_seed = [_scores(list(entries), seed) for seed in range(SEEDS)]
    seconds = _seconds()
    for scores in by_seed:
        scores[COMBINED] = sum(rankdata(scores[name]) for name in COMBINED.split(" + "))
    seconds[COMBINED] = sum(seconds[name] for name in COMBINED.split(" + "))
    lines = [
        "| proxy | Spearman's rho | Kendall's tau | "
        + " | ".join(f"regret of {count if count > 1 else 'the one'} best" for count in CHOSEN)
        + " | ms |",
        "| --- " * (len(CHOSEN) + 4) + "|",
    ]
    for name in by_seed[0]:
        measured = np.array([_quality(scores[name], accuracies, seed) for seed, scores in enumerate(by_seed)])
        columns = [f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})" for values in measured.T]
        lines.append(f"| {name} | {' | '.join(columns)} | {1000 * seconds[name]:.0f} |")
        print(lines[-1], flush=True)
    note = f"""\
{len(entries)} networks. Means over {SEEDS} first weights (lowest to highest). Kendall's tau of one training against the
mean of the others: {cells.noise_ceiling(entries):.3f}. Milliseconds are medians of {TIMED}; to build that network takes
{1000 * seconds["build"]:.0f}. `make bench-proxies`"""
    artifact.replace_file(cells.TABLE.with_name("proxies.md"), "\n".join([*lines, "", note, ""]).encode())


def _scores(networks: list[cells.Operations], seed: int) -> dict[str, Any]:
    """Each proxy's scores of the networks with these operations."""
    import keras

    from tuning.proxies import PROXIES, ROWS, Batch

    x, y = (values[:ROWS] for values in cells.digits()["train"])
    found: list[list[float]] = []
    for operations in networks:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        model = cells.network(operations)
        model.compile(loss="sparse_categorical_crossentropy")
        batch = Batch({model.inputs[0].name: x}, y)
        found.append([proxy.score(model, batch) for proxy in PROXIES.values()])
    return dict(zip(PROXIES, np.array(found).T, strict=True))


def _quality(scores: np.ndarray, accuracies: np.ndarray, seed: int) -> list[float]:
    """Rank correlations with accuracy, and the regret of training only the best by their score."""
    ties = np.random.default_rng(seed).permutation(len(scores))
    order = np.lexsort((ties, -scores))
    regrets = [accuracies.max() - accuracies[order[:count]].max() for count in CHOSEN]
    # -inf has a rank, but SciPy would subtract it from itself.
    ranks = rankdata(scores)
    return [spearmanr(ranks, accuracies).statistic, kendalltau(ranks, accuracies).statistic, *regrets]


def _seconds() -> dict[str, float]:
    """How long each proxy takes for the default network of pictures, and how long it takes to build."""
    from keras_tuner import HyperParameters

    from suite import domain as registry
    from suite.training.data import prepare
    from suite.training.model import build
    from tuning.proxies import PROXIES, Batch

    domain = registry.get("image_cls")
    prepared = prepare(domain, domain.example())
    batch = Batch.of(prepared)
    model = build(domain, HyperParameters(), prepared, 1)
    calls: dict[str, Callable[[], Any]] = {
        name: lambda proxy=proxy: proxy.score(model, batch) for name, proxy in PROXIES.items()  # type: ignore[misc]
    }  # fmt: skip
    calls["build"] = lambda: build(domain, HyperParameters(), prepared, 1)
    return {name: _median_seconds(call) for name, call in calls.items()}


def _median_seconds(call: Callable[[], Any]) -> float:
    call()
    measured = []
    for _ in range(TIMED):
        started = perf_counter()
        call()
        measured.append(perf_counter() - started)
    return float(np.median(measured))


if __name__ == "__main__":
    main()
