"""Prometheus metrics. Each worker counts in a file of its own; the metrics of the service are the sums.

The files are mapped into memory: counting is a single addition, and nothing is lost when a worker is killed. The master
adds the counts of workers that have exited to a file of totals.
"""

import json
import logging
import mmap
import os
import re
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import IO

SLOTS = 8192
KEYS, VALUES, READY, ENDED, LOCK = ".keys", ".values", ".ready", "ended.json", "lock"
# Gauges only include workers that are alive.
GAUGE = "suite_in_flight"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
HELP = {
    "suite_requests_total": ("counter", "Requests answered, by model, protocol and status."),
    "suite_request_seconds": ("histogram", "Time from the arrival of a request until its response was written."),
    "suite_queue_seconds": ("histogram", "Time from the arrival of a request until a model began to run on it."),
    "suite_model_seconds": ("histogram", "Duration of a run of a model."),
    "suite_batch_rows": ("histogram", "Rows of a run of a model."),
    "suite_shed_total": (
        "counter",
        "Requests refused because the queue was full, the deadline had passed or the client had left.",
    ),
    "suite_log_errors_total": ("counter", "Lines of the access log that could not be written."),
    "suite_reloads_total": ("counter", "Versions that were loaded, or could not be."),
    GAUGE: ("gauge", "Requests being answered now."),
    "suite_memory_bytes": ("gauge", "Memory of the workers."),
    "suite_workers": ("gauge", "Workers that are alive."),
}
# The label for a model, with its value as `label` quotes it.
MODEL = re.compile(r'\bmodel=("(?:[^"\\]|\\.)*")')
NO_ROOM = "%s cannot be written to (%s): what this worker counts is not in the sums of /metrics"

log = logging.getLogger(__name__)


class Metrics:
    """The metrics of this process. With a folder they are kept in files there, and `text` sums those of all workers."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._slots: dict[str, int] = {}
        self._keys: IO[bytes] | None = None
        self._unwritten = b""
        memory = mmap.mmap(-1, 8 * SLOTS) if folder is None else self._shared(folder)
        self._values = memoryview(memory).cast("d")

    def _shared(self, folder: Path) -> mmap.mmap:
        """Map a file into memory; use memory of this process alone if the file cannot be created."""
        keys, values = (folder / f"{os.getpid()}{ending}" for ending in (KEYS, VALUES))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with values.open("w+b") as file:
                # Write zeros instead of only setting the size: counting in a page without space would kill the process.
                file.write(bytes(8 * SLOTS))
                file.flush()
                memory = mmap.mmap(file.fileno(), 8 * SLOTS)
            self._keys = keys.open("wb", buffering=0)
            return memory
        except OSError as error:
            log.warning(NO_ROOM, folder, error.strerror)
            with suppress(OSError):
                values.unlink(missing_ok=True)
            self._folder = None
            return mmap.mmap(-1, 8 * SLOTS)

    def add(self, key: str, amount: float = 1.0) -> None:
        """Add to a metric, named with its labels as in `suite_shed_total{reason="full"}`."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self.claim([key])
        with self._lock:
            self._values[slot] += amount

    def claim(self, keys: Sequence[str]) -> int:
        """Reserve consecutive slots for keys and return the first; once all are taken, the last slots are shared."""
        with self._lock:
            if keys[0] in self._slots:
                return self._slots[keys[0]]
            first = len(self._slots)
            if first + len(keys) >= SLOTS:
                return SLOTS - len(keys)
            for number, key in enumerate(keys):
                self._slots[key] = first + number
            if self._keys:
                self._unwritten += "".join(f"{key}\n" for key in keys).encode()
                self._write_keys(self._keys)
            return first

    def _write_keys(self, file: IO[bytes]) -> None:
        """Write new keys to the file. If the disk is full, the next call of `claim` or `text` tries again."""
        try:
            self._unwritten = self._unwritten[file.write(self._unwritten) :]
        except OSError as error:
            log.warning(NO_ROOM, self._folder, error.strerror)

    def observe(self, slot: int, index: int, value: float) -> None:
        """Count `value` in bucket `index` of a histogram that begins at `slot`: sum, count, buckets."""
        with self._lock:
            self._values[slot] += value
            self._values[slot + 1] += 1
            self._values[slot + 2 + index] += 1

    def note_ready(self) -> None:
        """Note that this worker has tried to load all models."""
        if self._folder is not None:
            try:
                (self._folder / f"{os.getpid()}{READY}").touch()
            except OSError as error:
                log.warning(NO_ROOM, self._folder, error.strerror)

    def ready(self) -> int:
        """Return how many workers have tried to load all models."""
        return 1 if self._folder is None else len(list(self._folder.glob(f"*{READY}")))

    def text(self, may_see: Callable[[str], bool] = lambda model: True) -> str:
        """Return the metrics of all workers in Prometheus's text format, without models that `may_see` refuses."""
        with self._lock:
            if self._keys and self._unwritten:
                self._write_keys(self._keys)
        sums = self._own() if self._folder is None else _summed(self._folder)
        pids = [os.getpid()] if self._folder is None else _pids(self._folder)
        sums["suite_memory_bytes"] = float(sum(map(_memory, pids)))
        sums["suite_workers"] = float(len(pids))
        lines, told = [], set()
        shown = {key: value for key, value in sums.items() if not (model := _model(key)) or may_see(model)}
        for key, value in sorted(_cumulated(shown).items(), key=lambda item: _order(item[0])):
            family = _family(key)
            if family not in told:
                told.add(family)
                kind, words = HELP[family]
                lines += [f"# HELP {family} {words}", f"# TYPE {family} {kind}"]
            lines.append(f"{key} {value:.10g}")
        return "\n".join(lines) + "\n"

    def _own(self) -> defaultdict[str, float]:
        return defaultdict(float, {key: self._values[slot] for key, slot in self._slots.items()})


class Histogram:
    """A histogram with given labels (`model="x"`). It looks up its slots once, so that observing is quick."""

    def __init__(self, metrics: Metrics, name: str, labels: str, bounds: Sequence[float] = SECONDS) -> None:
        self._metrics, self._bounds = metrics, bounds
        buckets = [f'{name}_bucket{{{labels},le="{bound:g}"}}' for bound in (*bounds, float("inf"))]
        self._slot = metrics.claim([f"{name}_sum{{{labels}}}", f"{name}_count{{{labels}}}", *buckets])

    def observe(self, value: float) -> None:
        """Add a value."""
        self._metrics.observe(self._slot, bisect_left(self._bounds, value), value)


class ModelMeter:
    """The histograms of one model's queue and runs."""

    def __init__(self, metrics: Metrics, model: str) -> None:
        labels = f"model={label(model)}"
        self._queue = Histogram(metrics, "suite_queue_seconds", labels)
        self._seconds = Histogram(metrics, "suite_model_seconds", labels)
        self._rows = Histogram(metrics, "suite_batch_rows", labels, ROWS)

    def waited(self, seconds: float) -> None:
        """Count a request that the model began to run after it had waited for `seconds`."""
        self._queue.observe(seconds)

    def ran(self, rows: int, seconds: float) -> None:
        """Count a run of the engine."""
        self._rows.observe(rows)
        self._seconds.observe(seconds)


def label(text: str) -> str:
    """Quote a value for use in a label."""
    return json.dumps(text[:64], ensure_ascii=False)


def is_ready(folder: Path, pid: int) -> bool:
    """Return whether a worker has tried to load all models."""
    return (folder / f"{pid}{READY}").exists()


def retire(folder: Path, pid: int) -> None:
    """Add the counts of a worker that has exited to the totals; raise OSError if they cannot be written."""
    with _locked(folder):
        sums = _ended(folder)
        for key, value in _read(folder, pid).items():
            if not key.startswith(GAUGE):
                sums[key] += value
        # Delete the worker's files first, to make room for the totals.
        for ending in (KEYS, VALUES, READY):
            (folder / f"{pid}{ending}").unlink(missing_ok=True)
        aside = folder / f"{ENDED}.aside"
        aside.write_text(json.dumps(sums))
        aside.replace(folder / ENDED)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as file:
        flock(file, LOCK_EX)
        yield


def _summed(folder: Path) -> defaultdict[str, float]:
    with _locked(folder):
        sums = _ended(folder)
        for pid in _pids(folder):
            for key, value in _read(folder, pid).items():
                sums[key] += value
    return sums


def _pids(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob(f"*{KEYS}")]


def _ended(folder: Path) -> defaultdict[str, float]:
    try:
        return defaultdict(float, json.loads((folder / ENDED).read_text()))
    except FileNotFoundError:
        return defaultdict(float)


def _read(folder: Path, pid: int) -> dict[str, float]:
    """Return the counts of a worker, ignoring a last key that may be incomplete."""
    try:
        keys = (folder / f"{pid}{KEYS}").read_text().split("\n")[:-1]
        values = memoryview((folder / f"{pid}{VALUES}").read_bytes()).cast("d")
    except FileNotFoundError:
        return {}
    return dict(zip(keys, values, strict=False))


def _cumulated(sums: dict[str, float]) -> dict[str, float]:
    """Make buckets cumulative, as Prometheus expects: each counts all values up to its bound."""
    found: dict[str, float] = {}
    running: dict[str, float] = {}
    for key, value in sorted(sums.items(), key=lambda item: _order(item[0])):
        if "_bucket{" in key:
            series = key.partition(",le=")[0]
            value = running[series] = running.get(series, 0.0) + value
        found[key] = value
    return found


def _order(key: str) -> tuple[str, str, float, str]:
    series, _, rest = key.partition(',le="')
    return _family(key), series, float(rest.rstrip('"}')) if rest else 0.0, key


def _family(key: str) -> str:
    name = key.partition("{")[0]
    for ending in ("_bucket", "_sum", "_count"):
        if name.removesuffix(ending) in HELP:
            return name.removesuffix(ending)
    return name


def _model(key: str) -> str:
    """Return the model in the labels of a metric; empty if it is about no model."""
    found = MODEL.search(key)
    return str(json.loads(found[1])) if found else ""


def _memory(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * mmap.PAGESIZE
    return 0
