"""What a prediction costs along a path: measured for some paths, estimated for the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from suite.errors import UsageError
from suite.training import model as networks
from tuning import objectives
from tuning.supernet.supernet import Path, Supernet

# Paths that are measured for the estimate, and how far it may be beyond a limit for a path to be measured after all.
SAMPLES, TOLERANCE = 24, 0.1
# The cheapest, as estimated, of so many at random are measured before a budget is refused.
CHEAPEST, DRAWN = 4, 500


class PathCosts:
    """Whether paths keep to `limits`; without limits, they all do.

    A path's cost is estimated as a sum over its operations, by least squares over SAMPLES paths. UsageError if no path
    keeps to the limits.
    """

    def __init__(self, supernet: Supernet, limits: Mapping[str, float], seed: int) -> None:
        self._supernet, self._limits = supernet, limits
        self._measured: dict[Path, dict[str, float] | None] = {}
        self._sizes = [len(gate.options) for gate in supernet.gates.values()]
        self._coefficients: dict[str, np.ndarray] = {}
        if limits:
            self._estimate(np.random.default_rng(seed))

    def may_fit(self, path: Path) -> bool:
        """Whether a path keeps to the limits by the estimate, nearly."""
        if path in self._measured:
            return self.fits(path)
        row = self._encode([path])[0]
        return all(
            row @ self._coefficients[name] <= limit * (1 + TOLERANCE) for name, limit in self._limits.items()
        )  # fmt: skip

    @property
    def fitting(self) -> list[Path]:
        """The paths that were measured and keep to the limits."""
        return [path for path, costs in self._measured.items() if costs is not None and self.fits(path)]

    def expected_excess(self, weights: Sequence[Any]) -> Any:
        """By how much the expected costs of a mixture are beyond the limits, as a share of them, float32 ()."""
        excess = tf.constant(0.0)
        row = tf.concat([[1.0], *weights], 0)
        for name, limit in self._limits.items():
            cost = tf.tensordot(row, tf.constant(self._coefficients[name], tf.float32), 1)
            excess += tf.nn.relu(cost / limit - 1)
        return excess

    def fits(self, path: Path) -> bool:
        """Whether a path's network keeps to the limits, measured; where there are some, it has to be built."""
        if not self._limits:
            return True
        costs = self._measure(path)
        return costs is not None and all(costs[name] <= limit for name, limit in self._limits.items())

    def _measure(self, path: Path) -> dict[str, float] | None:
        if path not in self._measured:
            try:
                network = self._supernet.network(path)
                whole = networks.complete(
                    self._supernet.domain, self._supernet.hyperparameters(path), self._supernet.prepared, network
                )  # fmt: skip
                self._measured[path] = objectives.measure_costs(whole, list(self._limits))
            except UsageError:
                self._measured[path] = None
        return self._measured[path]

    def _estimate(self, random: np.random.Generator) -> None:
        paths = [self._supernet.draw(random) for _ in range(SAMPLES)]
        known = [(path, costs) for path in paths if (costs := self._measure(path)) is not None]
        encoded = self._encode([path for path, _ in known])
        for name in self._limits:
            measured = np.array([costs[name] for _, costs in known])
            # With a little ridge: there are more operations than samples where a space is large.
            penalty = 1e-3 * np.eye(encoded.shape[1])
            self._coefficients[name] = np.linalg.solve(encoded.T @ encoded + penalty, encoded.T @ measured)
        drawn = dict.fromkeys(self._supernet.draw(random) for _ in range(DRAWN))
        rows = self._encode(list(drawn))
        for name in self._limits:
            order = np.argsort(rows @ self._coefficients[name])[:CHEAPEST]
            paths += [list(drawn)[number] for number in order]
        if not any(self.fits(path) for path in paths):
            name = next(iter(self._limits))
            if not known:
                raise UsageError(f"the {name} of no network of this space could be measured: leave --budget out")
            least = min(costs[name] for costs in self._measured.values() if costs is not None)
            raise UsageError(
                f"no network of this space was found within the budget: the least {name} is {least:.4g}, and the "
                f"budget {self._limits[name]:.4g}; raise it, or allow cheaper networks"
            )

    def _encode(self, paths: Sequence[Path]) -> np.ndarray:
        """A one and a one-hot code for each gate, float64 (paths, 1 + operations)."""
        codes = [np.concatenate([[1.0], *(np.eye(size)[at] for size, at in zip(self._sizes, path, strict=True))])
                 for path in paths]  # fmt: skip
        return np.array(codes)
