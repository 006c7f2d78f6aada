"""The networks that a ranking found, one after another."""

from tuning.oracles.base import RUNNING, STOPPED, BaseOracle, Suggestion


class Ranked(BaseOracle):
    """The configurations to start with, and no others: see tuning.ranking for where they come from."""

    def suggest(self, trial_id: str) -> Suggestion:
        values = self.initial_values
        if values is None or self._duplicate(values):
            return {"status": STOPPED, "values": None}
        return {"status": RUNNING, "values": dict(values)}
