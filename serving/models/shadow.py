"""Runs requests on a second version of a model too, and compares its outputs with those sent to the client."""

import logging
import threading
from collections import Counter
from sys import getsizeof

from serving.engines.base import Arrays
from serving.engines.parity import same, scale_of
from serving.models.loader import Model

# Limits of the comparisons that are under way: how many, and the bytes of their inputs and outputs together.
MAX_OUTSTANDING, MAX_BYTES = 64, 2**26

log = logging.getLogger(__name__)


class Shadow:
    """Counts how the outputs of shadows compare, and limits how many comparisons run at once and what they hold.

    If `begin` returns True, call `compare` or `fail` once, with the same `size` in bytes. `counts` has, by model name
    and version, how many outputs were "same" or "different", and how many requests "failed" or were "left_out".
    """

    def __init__(self, most: int = MAX_OUTSTANDING, most_bytes: int = MAX_BYTES) -> None:
        self.counts: dict[tuple[str, int], Counter[str]] = {}
        self._most, self._outstanding = most, 0
        self._most_bytes, self._bytes = most_bytes, 0
        self._changed = threading.Condition()

    def begin(self, model: Model, size: int = 0) -> bool:
        """Begin a comparison and return True; if too many are running, count this one as left out and return False."""
        with self._changed:
            # One alone may be of any size: otherwise some models would never be compared.
            is_large = self._outstanding > 0 and self._bytes + size > self._most_bytes
            if self._outstanding >= self._most or is_large:
                self._count(model, "left_out")
                return False
            self._outstanding += 1
            self._bytes += size
            return True

    def compare(self, model: Model, expected: Arrays, outputs: Arrays, size: int = 0) -> None:
        """Compare the outputs of the shadow with those that were sent to the client."""
        is_same = same(expected, outputs, scale_of(model.card))
        self._end(model, "same" if is_same else "different", size)

    def fail(self, model: Model, error: Exception, size: int = 0) -> None:
        """Count a request on which the shadow failed."""
        log.warning("the shadow %s/%d failed: %s", model.name, model.version, error)
        self._end(model, "failed", size)

    def wait(self) -> None:
        """Wait until no comparison is running."""
        with self._changed:
            self._changed.wait_for(lambda: not self._outstanding)

    def _end(self, model: Model, what: str, size: int) -> None:
        with self._changed:
            self._outstanding -= 1
            self._bytes -= size
            self._count(model, what)
            self._changed.notify_all()

    def _count(self, model: Model, what: str) -> None:
        self.counts.setdefault((model.name, model.version), Counter())[what] += 1


def size_of(arrays: Arrays) -> int:
    """Return the bytes that arrays hold, with the texts in them."""
    return sum(x.nbytes + (sum(map(getsizeof, x.flat)) if x.dtype.kind == "O" else 0) for x in arrays.values())
