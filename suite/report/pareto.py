"""Which points no other point beats in every respect."""

from collections.abc import Sequence

import numpy as np


def front(points: np.ndarray, directions: Sequence[str]) -> np.ndarray:
    """The non-dominated of `points` (N, K), finite: their indices, ascending. Equal points stand or fall together.

    `directions` are max or min, one an objective. A point is dominated where another is as good in all objectives and
    better in one.
    """
    costs = points * np.array([-1.0 if direction == "max" else 1.0 for direction in directions])

    def is_dominated(point: np.ndarray) -> bool:
        return bool(np.any(np.all(costs <= point, axis=1) & np.any(costs < point, axis=1)))

    return np.flatnonzero([not is_dominated(point) for point in costs])
