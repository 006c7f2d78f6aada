"""Requests given to a second version of a model too; its answers are compared with those that were sent."""

import logging
import queue
import threading
from collections import Counter

from serving.engines.base import Arrays
from serving.engines.parity import same
from serving.models.loader import Model

MOST_WAITING = 64

log = logging.getLogger(__name__)


class Shadow:
    """Compares in a thread of its own; what it cannot keep up with is left out.

    `counts` by model name and version: same, different, failed, left_out.
    """

    def __init__(self) -> None:
        self.counts: dict[tuple[str, int], Counter[str]] = {}
        self._queue: queue.Queue[tuple[Model, Arrays, Arrays]] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def give(self, model: Model, raw: Arrays, outputs: Arrays) -> None:
        """Have `model` answer these raw inputs too."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait((model, raw, outputs))
        except queue.Full:
            self._count(model, "left_out")

    def wait(self) -> None:
        """Until all that was given is compared."""
        self._queue.join()

    def _work(self) -> None:
        while True:
            model, raw, outputs = self._queue.get()
            try:
                assert model.lane
                self._count(model, "same" if same(outputs, model.lane.run(raw)) else "different")
            except Exception as error:
                log.warning("the shadow %s/%d failed: %s", model.name, model.version, error)
                self._count(model, "failed")
            finally:
                self._queue.task_done()

    def _count(self, model: Model, what: str) -> None:
        with self._lock:
            self.counts.setdefault((model.name, model.version), Counter())[what] += 1
