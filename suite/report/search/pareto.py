"""The Pareto front of several objectives."""

from collections.abc import Sequence

import numpy as np


def front(points: np.ndarray, directions: Sequence[str]) -> np.ndarray:
    """The indices, ascending, of the points that no other point dominates.

    `points` is float (N, K) and finite; `directions` holds max or min for each of the K objectives. A point dominates
    another if it is as good in all objectives and better in one. Equal points are all on the front, or none is.
    """
    costs = points * np.array([-1.0 if direction == "max" else 1.0 for direction in directions])

    def is_dominated(point: np.ndarray) -> bool:
        return bool(np.any(np.all(costs <= point, axis=1) & np.any(costs < point, axis=1)))

    return np.flatnonzero([not is_dominated(point) for point in costs])
