"""How long something takes, estimated from how long it took."""

# One run that was disturbed (the process did not get a core, say) may count as this many usual ones at most.
OUTLIER = 4.0


class LatencyEstimator:
    """A moving mean of durations in seconds, and of how far they differ from it.

    https://www.rfc-editor.org/rfc/rfc6298#section-2
    """

    __slots__ = ("_deviation", "_mean", "typical")

    def __init__(self) -> None:
        self._mean = self._deviation = 0.0
        # A mean that single disturbed runs hardly move; 0 before anything was measured.
        self.typical = 0.0

    @property
    def upper(self) -> float:
        """A duration that is hardly ever exceeded; 0 before anything was measured."""
        return self._mean + 4 * self._deviation

    def note(self, seconds: float) -> None:
        """Take a measured duration into account."""
        if not self._mean:
            self._mean = self.typical = seconds
            return
        difference = seconds - self._mean
        self._mean += difference / 8
        self._deviation += (abs(difference) - self._deviation) / 4
        self.typical += (min(seconds, OUTLIER * self.typical) - self.typical) / 8

    def distrust(self) -> None:
        """Lower the estimate a little, because a request was refused on its account.

        Otherwise one slow run could have every later request with a deadline refused, and never be corrected.
        """
        self._mean *= 0.95
        self._deviation *= 0.95
