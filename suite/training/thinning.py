"""Thinning of a common class, where the other one is rare among many rows: what it costs to learn from them all.

An epoch sees all rows of the rare class, those of the common class that base models take for rare ones, and a random
share of the rest, whose rows then count the more (importance sampling): what is learned stays the same on average.
"""

from dataclasses import dataclass

import numpy as np

# From so many rows on, and up to such a share of the rare class.
MIN_ROWS, MAX_RARE_SHARE = 50_000, 0.02
HARDEST, SHARE, SHARE_OF_TREES = 2_000, 0.05, 0.1


@dataclass(frozen=True)
class Thinning:
    """Which rows an epoch sees: all of `kept` and a share of `others`, both numbers of rows."""

    kept: np.ndarray
    others: np.ndarray
    share: float = SHARE

    @property
    def taken(self) -> int:
        """How many of the others an epoch sees."""
        return round(self.share * len(self.others))

    @property
    def rows(self) -> int:
        """How many rows an epoch sees."""
        return len(self.kept) + self.taken

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """The rows of an epoch, in random order."""
        chosen = generator.choice(self.others, self.taken, replace=False)
        return generator.permutation(np.concatenate([self.kept, chosen]))

    def weights(self, total: int) -> np.ndarray:
        """How much each of `total` rows counts, float32 (total,); the mean over the rows of an epoch is 1."""
        weights = np.ones(total, np.float32)
        weights[self.others] = 1 / self.share
        mean = (len(self.kept) + self.taken / self.share) / self.rows
        return np.asarray(weights / mean, np.float32)


def applies(y: np.ndarray, rows: np.ndarray) -> bool:
    """Whether one of two classes is so rare among so many of these rows."""
    if y.dtype.kind == "f" or len(rows) < MIN_ROWS:
        return False
    counts = np.bincount(y[rows])
    return len(counts) == 2 and counts.min() <= MAX_RARE_SHARE * len(rows)


def hard_rows(y: np.ndarray, rows: np.ndarray, scores: np.ndarray) -> Thinning:
    """The rare class and the hardest rows of the common one are kept; `scores` (N,) are higher for class 1."""
    rare, common = _classes(y, rows)
    hardness = scores[common] if y[rare[0]] == 1 else -scores[common]
    order = np.argsort(-hardness, kind="stable")
    return Thinning(np.concatenate([rare, common[order[:HARDEST]]]), np.sort(common[order[HARDEST:]]))


def rare_rows(y: np.ndarray, rows: np.ndarray) -> Thinning:
    """The rare class is kept, and a tenth of the common one taken."""
    return Thinning(*_classes(y, rows), share=SHARE_OF_TREES)


def rows_of_epoch(y: np.ndarray, rows: np.ndarray) -> int:
    """How many rows an epoch sees with `hard_rows`."""
    return hard_rows(y, rows, np.zeros(len(y), np.float32)).rows


def _classes(y: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the rarer class, and those of the other one."""
    rare = int(np.bincount(y[rows]).argmin())
    return rows[y[rows] == rare], rows[y[rows] != rare]
