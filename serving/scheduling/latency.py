"""How long something usually takes."""


class Usual:
    """A mean in which the last times count most, and by how much they differ from it (RFC 6298)."""

    def __init__(self) -> None:
        self.mean = self._deviation = 0.0

    @property
    def seconds(self) -> float:
        """What is nearly never exceeded."""
        return self.mean + 4 * self._deviation

    def note(self, seconds: float) -> None:
        """It took so long."""
        if not self.mean:
            self.mean = seconds
            return
        difference = seconds - self.mean
        self.mean += difference / 8
        self._deviation += (abs(difference) - self._deviation) / 4

    def doubt(self) -> None:
        """Somebody was refused because of it: one slow time must not have all be refused for good."""
        self.mean *= 0.95
        self._deviation *= 0.95
