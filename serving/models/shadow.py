"""Runs requests on a second version of a model too, and compares its outputs with those sent to the client."""

import logging
import threading
from collections import Counter

from serving.engines.base import Arrays
from serving.engines.parity import same
from serving.models.loader import Model

MAX_OUTSTANDING = 64

log = logging.getLogger(__name__)


class Shadow:
    """Counts how the outputs of shadows compare, and limits how many comparisons run at once.

    If `begin` returns True, call `compare` or `fail` once. `counts` has, by model name and version, how many outputs
    were "same" or "different", and how many requests "failed" or were "left_out".
    """

    def __init__(self, most: int = MAX_OUTSTANDING) -> None:
        self.counts: dict[tuple[str, int], Counter[str]] = {}
        self._most, self._outstanding = most, 0
        self._changed = threading.Condition()

    def begin(self, model: Model) -> bool:
        """Begin a comparison and return True; if too many are running, count this one as left out and return False."""
        with self._changed:
            if self._outstanding >= self._most:
                self._count(model, "left_out")
                return False
            self._outstanding += 1
            return True

    def compare(self, model: Model, expected: Arrays, outputs: Arrays) -> None:
        """Compare the outputs of the shadow with those that were sent to the client."""
        self._end(model, "same" if same(expected, outputs) else "different")

    def fail(self, model: Model, error: Exception) -> None:
        """Count a request on which the shadow failed."""
        log.warning("the shadow %s/%d failed: %s", model.name, model.version, error)
        self._end(model, "failed")

    def wait(self) -> None:
        """Wait until no comparison is running."""
        with self._changed:
            self._changed.wait_for(lambda: not self._outstanding)

    def _end(self, model: Model, what: str) -> None:
        with self._changed:
            self._outstanding -= 1
            self._count(model, what)
            self._changed.notify_all()

    def _count(self, model: Model, what: str) -> None:
        self.counts.setdefault((model.name, model.version), Counter())[what] += 1
