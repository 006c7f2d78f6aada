"""A search's record with its trials ranked, as charts and tables need it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from suite.search_record import COMPLETED, DimensionRecord, Objective, SearchRecord, Trial

# With at least this many scores, those further than OUTLIER_IQRS interquartile ranges below the rest are outliers.
MIN_SCORES_FOR_OUTLIERS, OUTLIER_IQRS = 8, 3.0
AXIS_MARGIN = 0.06


@dataclass(frozen=True)
class RankedSearch(SearchRecord):
    """A search's record and what charts derive from it."""

    @property
    def objective(self) -> Objective:
        """The first objective, which scores are measured in."""
        return self.objectives[0]

    @cached_property
    def ranked(self) -> list[Trial]:
        """Trials with a score, the best first."""
        scored = [trial for trial in self.trials if trial.status == COMPLETED and trial.score is not None]
        return sorted(scored, key=lambda trial: -self.objective.sign * (trial.score or 0.0))

    @cached_property
    def scores(self) -> np.ndarray:
        """The scores of `ranked`, float64 (N,)."""
        return np.array([trial.score for trial in self.ranked], np.float64)

    @cached_property
    def score_limits(self) -> tuple[float, float]:
        """The lowest and the highest score, without outliers among the bad ones: they would flatten the charts."""
        low, high = float(self.scores.min()), float(self.scores.max())
        first, third = (float(bound) for bound in np.percentile(self.scores, [25, 75]))
        reach = OUTLIER_IQRS * (third - first)
        if len(self.scores) < MIN_SCORES_FOR_OUTLIERS or not reach:
            return low, high
        return (max(low, first - reach), high) if self.objective.sign > 0 else (low, min(high, third + reach))

    @property
    def outliers(self) -> int:
        """How many scores lie beyond `score_limits`."""
        low, high = self.score_limits
        return int(((self.scores < low) | (self.scores > high)).sum())

    @property
    def score_axis(self) -> tuple[float, float]:
        """The limits with a margin around them."""
        low, high = self.score_limits
        margin = AXIS_MARGIN * (high - low) or AXIS_MARGIN * abs(low) or AXIS_MARGIN
        return low - margin, high + margin

    @cached_property
    def varying(self) -> list[DimensionRecord]:
        """The dimensions in which trials with a score differ."""
        return [one for one in self.dimensions if len({_identity(trial, one.name) for trial in self.ranked}) > 1]


def _identity(trial: Trial, name: str) -> tuple[bool, str]:
    return name in trial.hyperparameters, trial.value_text(name)
