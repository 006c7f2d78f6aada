"""The models of a worker. One thread loads them and keeps them in step with the store."""

import gc
import logging
from collections import defaultdict, deque
from concurrent.futures import Future
from dataclasses import replace
from threading import Event, Lock, Thread
from time import monotonic

from serving.config import Config
from serving.context import MayAsk, allow_all
from serving.errors import ServiceError
from serving.models.catalogue import Catalogue, Route, ready
from serving.models.loader import CARD_TO_COME, READY, Model
from serving.models.loading_thread import LoadingThread
from serving.models.store import Entry, Listing, Store, VersionFolder
from serving.models.versions import Versions
from serving.observability.metrics import Metrics
from suite.errors import SuiteError
from suite.labels import CANARY, SHADOW, STABLE, Label

# How many versions of a model are kept because requests asked for them by number.
MAX_REQUESTED = 2
# How many versions may wait to be loaded because requests asked for them.
MAX_WAITING_LOADS = 8
# Seconds between checks of the store at the start, while files may still be being copied.
START_INTERVAL = 0.25
# Checking a large or slow store takes at most a tenth of the time, unless pauses would get longer than MAX_PAUSE.
MAX_CHECK_SHARE, MAX_PAUSE = 10, 30.0

log = logging.getLogger(__name__)


class Repository(Catalogue):
    """Loads models on a separate thread, so that the service answers from the start.

    A new version is verified, loaded and tested before it replaces another one; a version that fails never does.
    Requests finish on the version on which they started.

    Only the loading thread changes models. It publishes each change as a new `State`, so that lookups never wait and
    no lock is held during a load.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        super().__init__()
        self._config, self._metrics = config, metrics
        self._store = Store(config.models)
        # Only used by the loading thread.
        self._versions = Versions(self._store, config, metrics, self._show_loading)
        self._requested: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=MAX_REQUESTED))
        # What has already been logged.
        self._logged: frozenset[str] = frozenset()
        self._broken: dict[str, type[Exception]] = {}
        self._routes: dict[str, Route] = {}
        self._entries: dict[str, Entry] = {}
        self._loading = LoadingThread("load-models")
        # Loads that requests wait for. The lock is only held for looking up, adding or removing one.
        self._waiting: dict[tuple[str, int], Future[Model]] = {}
        self._lock = Lock()
        self._tried, self._stopping = Event(), Event()

    def start(self) -> None:
        """Start loading models and watching the store."""
        Thread(target=self._watch, name="watch-models", daemon=True).start()

    def stop(self) -> None:
        """Stop watching and loading. Loaded models still answer."""
        self._stopping.set()
        self._loading.stop()

    def wait(self, seconds: float) -> bool:
        """Wait until every model has been tried; return False if that takes more than `seconds`."""
        return self._tried.wait(seconds)

    def refresh(self) -> None:
        """Load what has changed in the store, and wait for it; raise OSError if the store cannot be read."""
        self._loading.submit(self._refresh).result()

    def load(self, name: str, version: int | str | None = None, may_ask: MayAsk = allow_all) -> "Future[Model]":
        """Return a future of a model in any state, which is loaded first if necessary.

        Raise ServiceError 403, 404 or 503, as may the future. Requests for the same version share one future, which
        cannot be cancelled. Await it in an event loop with `asyncio.wrap_future`.
        """
        found = self._resolve(name, version, may_ask)
        if isinstance(found, Model):
            future: Future[Model] = Future()
            future.set_result(found)
            return future
        key = name, found
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting is None:
                if len(self._waiting) >= MAX_WAITING_LOADS:
                    raise ServiceError(503, "other versions are being loaded: ask again in a moment", 1)
                try:
                    waiting = self._loading.submit(self._load_requested, *key)
                except RuntimeError as error:
                    raise ServiceError(503, "this process is about to end: ask again", 1) from error
                self._waiting[key] = waiting
        return waiting

    def get(self, name: str, version: int | str | None = None, may_ask: MayAsk = allow_all) -> Model:
        """Return a ready model, waiting until it is loaded; raise ServiceError 403, 404 or 503. Not for event loops."""
        return ready(self.load(name, version, may_ask).result())

    def serve(self, name: str, served: bool, may_ask: MayAsk = allow_all) -> None:
        """Turn a model on or off, in all workers, and wait for a refresh; raise ServiceError 403, 404, 503 or 507."""
        if not may_ask(name) or name not in self._now.unserved:
            self.find(name, may_ask=may_ask)
        try:
            self._store.serve(name, served)
        except SuiteError as error:
            raise ServiceError(503, str(error)) from error
        except OSError as error:
            raise ServiceError(
                507, f"the store cannot be written to ({error.strerror}): allow that, or free space"
            ) from error
        try:
            self.refresh()
        except (OSError, RuntimeError) as error:
            raise ServiceError(503, "the store cannot be read now: the change holds once it can be") from error

    def _watch(self) -> None:
        """Refresh repeatedly until the worker ends; errors are only logged."""
        started, complaint = monotonic(), ""
        while not self._stopping.is_set():
            took = 0.0
            try:
                is_last_try = monotonic() - started >= CARD_TO_COME + START_INTERVAL
                took = self._loading.submit(self._refresh, is_last_try).result()
                complaint = ""
            except Exception as error:
                if str(error) != complaint and not self._stopping.is_set():
                    log.warning("the store cannot be read (%s): what is loaded goes on", error)
                complaint = str(error)
            if self._tried.is_set() and not self._config.poll:
                return
            pause = self._config.poll if self._tried.is_set() else START_INTERVAL
            self._stopping.wait(max(pause, min((MAX_CHECK_SHARE - 1) * took, MAX_PAUSE)))

    def _refresh(self, is_last_try: bool = True) -> float:
        """Load what has changed. Return the seconds that this took if nothing had changed, else 0.

        If `is_last_try`, all models count as tried, even if files are still being copied.
        """
        self._versions.begin_look()
        begun, loads, models = monotonic(), self._versions.loads, len(self._versions.models)
        listing = self._look()
        unserved = {name for name, entry in listing.entries.items() if entry.settings.served is False}
        entries = {name: entry for name, entry in listing.entries.items() if name not in unserved}
        for name in listing.unreadable & self._entries.keys():
            entries[name] = self._entries[name]
        self._now = replace(self._now, unserved=frozenset(unserved), passed_over=listing.passed_over)
        for name in sorted(entries.keys() - listing.unreadable):
            self._update(name, entries[name])
            self._publish()
        for name in self._entries.keys() - entries.keys():
            del self._entries[name], self._routes[name]
        self._versions.prune(self._is_in_use, self._folder_of)
        self._publish()
        if is_last_try or not self._versions.is_copying():
            self._note_tried()
        if (self._versions.loads, len(self._versions.models)) == (loads, models):
            return monotonic() - begun
        _settle_memory()
        return 0.0

    def _look(self) -> Listing:
        """List the store, and log each problem once."""
        try:
            listing = self._store.look()
        except (FileNotFoundError, NotADirectoryError):
            # A link is missing for a moment while it is switched; a volume may be missing for longer.
            if self._entries:
                raise
            listing = Listing()
        problems = {f"{one.folder} is passed over: {one.reason}" for one in listing.passed_over}
        for entry in listing.entries.values():
            problems |= {entry.settings_complaint, entry.labels_complaint} - {""}
        for line in sorted(problems - self._logged):
            log.warning("%s", line)
        self._logged = frozenset(problems)
        return listing

    def _update(self, name: str, entry: Entry) -> None:
        """Bring one model up to date. After an unexpected error it stays as it was; other models are not affected."""
        before = self._entries.get(name)
        if before and entry.labels_complaint:
            entry = replace(entry, labels=before.labels)
        try:
            self._routes[name] = self._route(name, entry)
            self._entries[name] = entry
            self._broken.pop(name, None)
        except Exception as error:
            if self._broken.get(name) is not type(error):
                log.exception("the model %s cannot be taken over", name)
            self._broken[name] = type(error)

    def _load_requested(self, name: str, version: int) -> Model:
        """Load a version for a request; it may be newer than the last refresh. Raise ServiceError 404."""
        try:
            entry = self._store.entry(name)
            if version not in entry.versions:
                there = ", ".join(map(str, entry.versions)) or "none"
                raise ServiceError(404, f"there is no version {version} of '{name}': there are: {there}")
            if version not in self._requested[name]:
                self._requested[name].append(version)
            self._versions.begin_look()
            loads = self._versions.loads
            model = self._versions.load(name, version, entry)
            self._publish()
            if self._versions.loads != loads:
                _settle_memory()
            return model
        finally:
            with self._lock:
                del self._waiting[name, version]

    def _show_loading(self, model: Model) -> None:
        """List a version as loading, but only at the start. Later, requests for its number wait for it instead."""
        if not self._tried.is_set():
            self._versions.models[model.name, model.version] = model
            self._publish()

    def _publish(self) -> None:
        """Make the current models visible to lookups."""
        routes = dict(sorted(self._routes.items()))
        self._now = replace(self._now, models=dict(self._versions.models), routes=routes, entries=dict(self._entries))

    def _note_tried(self) -> None:
        if not self._tried.is_set():
            self._now = replace(self._now, is_tried=True)
            self._tried.set()
            self._metrics.note_ready()

    def _is_in_use(self, model: Model) -> bool:
        """Return whether a version answers, has a label, was asked for recently, or is one of the newest."""
        route, entry = self._routes[model.name], self._entries[model.name]
        wanted = {route.default.version, *(one.version for one in route.labels.values()), *self._requested[model.name]}
        return model.version in wanted | set(sorted(entry.versions)[-self._config.keep :])

    def _folder_of(self, model: Model) -> VersionFolder | None:
        """Return the folder of a version, or None if it is gone."""
        entry = self._entries.get(model.name)
        return entry.versions.get(model.version) if entry else None

    def _route(self, name: str, entry: Entry) -> Route:
        """Decide which versions answer for a name, and load them if necessary."""
        newest = sorted(entry.versions, reverse=True)
        labels = {label: one for label, one in entry.labels.items() if one.version in entry.versions}
        before = self._routes.get(name)
        wanted = labels[STABLE].version if STABLE in labels else newest[0]
        default = self._versions.load(name, wanted, entry)
        if default.state != READY:
            default = self._fallback(default, before, newest, entry)
        asked = entry.versions.keys() & set(self._requested[name])
        others = {one.version for one in labels.values()} | set(newest[: self._config.keep]) | asked
        loaded = {version: self._versions.load(name, version, entry) for version in others - {wanted}}
        loaded[wanted] = self._versions.models[name, wanted]
        canary, shadow = (_labelled(labels.get(label), loaded) for label in (CANARY, SHADOW))
        weight = labels[CANARY].weight if canary else 0.0
        return Route(default, labels, canary, weight, shadow)

    def _fallback(self, failed: Model, before: Route | None, newest: list[int], entry: Entry) -> Model:
        """Return a ready version in place of a failed one: the previous one, else the newest; `failed` if none is."""
        if before and before.default.state == READY and before.default.version in entry.versions:
            other = self._versions.load(failed.name, before.default.version, entry)
            if other.state == READY:
                return other
        for version in newest:
            other = self._versions.load(failed.name, version, entry)
            if other.state == READY:
                return other
        return failed


def _labelled(label: Label | None, loaded: dict[int, Model]) -> Model | None:
    model = loaded.get(label.version) if label else None
    return model if model and model.state == READY else None


def _settle_memory() -> None:
    """Exclude everything loaded so far from garbage collection.

    Otherwise each collection traverses all of it while requests wait. Models are in no reference cycle, so they are
    freed without the collector.
    """
    gc.collect()
    gc.freeze()
