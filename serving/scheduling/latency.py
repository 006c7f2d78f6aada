"""Estimates how long something takes from earlier measurements."""

# A run that was disturbed (for example because the process had no core) counts as at most this many typical runs.
MAX_OUTLIER = 4.0


class LatencyEstimator:
    """A moving average of durations in seconds, and of their deviation from it.

    https://www.rfc-editor.org/rfc/rfc6298#section-2
    """

    __slots__ = ("_deviation", "_mean", "typical")

    def __init__(self) -> None:
        self._mean = self._deviation = 0.0
        # An average in which a single disturbed run counts little; 0 before the first measurement.
        self.typical = 0.0

    @property
    def upper(self) -> float:
        """A duration that is rarely exceeded; 0 before the first measurement."""
        return self._mean + 4 * self._deviation

    def note(self, seconds: float) -> None:
        """Add a measured duration."""
        if not self._mean:
            self._mean = self.typical = seconds
            return
        difference = seconds - self._mean
        self._mean += difference / 8
        self._deviation += (abs(difference) - self._deviation) / 4
        self.typical += (min(seconds, MAX_OUTLIER * self.typical) - self.typical) / 8

    def distrust(self) -> None:
        """Lower the estimate a little, because a request was refused on the basis of it.

        Otherwise, after one slow run, every request with a deadline might be refused, and no new run would ever correct
        the estimate.
        """
        self._mean *= 0.95
        self._deviation *= 0.95
