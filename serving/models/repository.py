"""The models that a worker holds, kept up with the folder they lie in by one thread that loads."""

import gc
import logging
from collections import defaultdict, deque
from concurrent.futures import Future
from dataclasses import replace
from threading import Event, Lock, Thread
from time import monotonic

from serving import context
from serving.config import Config
from serving.errors import ServiceError
from serving.models.catalogue import Catalogue, MayAsk, Route, everyone, ready
from serving.models.loader import CARD_TO_COME, READY, Model
from serving.models.loading_thread import LoadingThread
from serving.models.store import Entry, Listing, Store, VersionFolder
from serving.models.versions import Versions
from serving.observability.metrics import Metrics
from suite.errors import SuiteError
from suite.labels import CANARY, SHADOW, STABLE, Label

# Versions that requests asked for, by model, which are kept beside those that answer; and how many may wait to be
# loaded.
ASKED, MOST_WAITING = 2, 8
# How often it is seen whether files that are being copied at the start have settled.
AGAIN = 0.25
# Looks at a large or slow store take at most one part in so many of the time, if no pause gets longer than that.
SHARE, LONGEST_PAUSE = 10, 30.0

log = logging.getLogger(__name__)


class Repository(Catalogue):
    """Loads models in a thread of its own, so that the service answers for its health from the start.

    A new version is verified, loaded and tried before it takes the place of another; one that fails never does. What
    requests still use stays until they have ended. All that is done to models is done by one thread, which publishes
    what came of it as a new `State`: looking things up waits for nothing, and no lock is held while something loads.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        super().__init__()
        self._config, self._metrics = config, metrics
        self._store = Store(config.models)
        # Of the loading thread alone.
        self._versions = Versions(self._store, config, metrics, self._show_loading)
        self._asked: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=ASKED))
        # What was told in the log already.
        self._told: frozenset[str] = frozenset()
        self._broken: dict[str, type[Exception]] = {}
        self._routes: dict[str, Route] = {}
        self._entries: dict[str, Entry] = {}
        self._loading = LoadingThread("load-models")
        # Loads that requests wait for; the lock is held for no longer than looking into it takes.
        self._waiting: dict[tuple[str, int], Future[Model]] = {}
        self._lock = Lock()
        self._tried, self._stopping = Event(), Event()

    def start(self) -> None:
        """Begin to load, and to watch the store."""
        Thread(target=self._watch, name="watch-models", daemon=True).start()

    def stop(self) -> None:
        """Watch and load no longer; what is loaded can still be asked."""
        self._stopping.set()
        self._loading.stop()

    def wait(self, seconds: float) -> bool:
        """Whether every model was tried within that time."""
        return self._tried.wait(seconds)

    def refresh(self) -> None:
        """Take over what has changed in the store, and wait until that is done; OSError if it cannot be read."""
        self._loading.submit(self._refresh).result()

    def load(self, name: str, version: int | str | None = None, may_ask: MayAsk = everyone) -> "Future[Model]":
        """A model in whatever state, loaded first if it is not; ServiceError 403, 404 or 503, now or from the future.

        Requests for the same version share one future, so it cannot be cancelled.
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
                if len(self._waiting) >= MOST_WAITING:
                    raise ServiceError(503, "other versions are being loaded: ask again in a moment", 1)
                try:
                    waiting = self._loading.submit(self._load_asked, *key)
                except RuntimeError as error:
                    raise ServiceError(503, "this process is about to end: ask again", 1) from error
                self._waiting[key] = waiting
        return waiting

    def get(self, name: str, version: int | str | None = None, may_ask: MayAsk = everyone) -> Model:
        """A model that is ready; ServiceError 403, 404 or 503. Waits while it is loaded: not for an event loop."""
        return ready(self.load(name, version, may_ask).result())

    def serve(self, name: str, served: bool, may_ask: MayAsk = everyone) -> None:
        """Have a model served, or not, by all workers; ServiceError 403, 404, 503, 507. Waits for the next look."""
        if not may_ask(name) or name not in self._now.unserved:
            self.find(name, may_ask=may_ask)
        try:
            self._store.serve(name, served)
        except SuiteError as error:
            raise ServiceError(503, str(error)) from error
        except OSError as error:
            raise ServiceError(507, f"the store cannot be written to ({error.strerror}): mend that") from error
        try:
            self.refresh()
        except (OSError, RuntimeError) as error:
            raise ServiceError(503, "the store cannot be read now: this holds once it can be") from error

    def _watch(self) -> None:
        """Look at the store again and again; nothing that is found there ends this."""
        started, complaint = monotonic(), ""
        while not self._stopping.is_set():
            took = 0.0
            try:
                is_last_try = monotonic() - started >= CARD_TO_COME + AGAIN
                took = self._loading.submit(self._refresh, is_last_try).result()
                complaint = ""
            except Exception as error:
                if str(error) != complaint and not self._stopping.is_set():
                    log.warning("the store cannot be read (%s): what is loaded goes on", error)
                complaint = str(error)
            if self._tried.is_set() and not self._config.poll:
                return
            pause = self._config.poll if self._tried.is_set() else AGAIN
            self._stopping.wait(max(pause, min((SHARE - 1) * took, LONGEST_PAUSE)))

    def _refresh(self, is_last_try: bool = True) -> float:
        """Take over what has changed; how many seconds it took to see that nothing had, else 0.

        With a last try the models count as tried, though files may still be copied.
        """
        begun, loads, models = monotonic(), self._versions.loads, len(self._versions.models)
        listing = self._look()
        unserved = {name for name, entry in listing.entries.items() if entry.settings.served is False}
        entries = {name: entry for name, entry in listing.entries.items() if name not in unserved}
        for name in listing.unreadable & self._entries.keys():
            entries[name] = self._entries[name]
        self._now = replace(self._now, unserved=frozenset(unserved), passed_over=listing.passed_over)
        for name in sorted(entries.keys() - listing.unreadable):
            self._take_over(name, entries[name])
            self._publish()
        for name in self._entries.keys() - entries.keys():
            del self._entries[name], self._routes[name]
        self._versions.prune(self._is_of_use, self._folder_of)
        self._publish()
        if is_last_try or not self._versions.is_copying():
            self._note_tried()
        if (self._versions.loads, len(self._versions.models)) == (loads, models):
            return monotonic() - begun
        _settle_memory()
        return 0.0

    def _look(self) -> Listing:
        """What is in the store; what was not told before goes to the log."""
        try:
            listing = self._store.look()
        except (FileNotFoundError, NotADirectoryError):
            # A link may be away for the moment in which it is switched, a volume for longer.
            if self._entries:
                raise
            listing = Listing()
        told = {f"{one.folder} is passed over: {one.reason}" for one in listing.passed_over}
        for entry in listing.entries.values():
            told |= {entry.settings_complaint, entry.labels_complaint} - {""}
        for line in sorted(told - self._told):
            log.warning("%s", line)
        self._told = frozenset(told)
        return listing

    def _take_over(self, name: str, entry: Entry) -> None:
        """Have a model be as it lies in the store; one that breaks this in ways that nobody foresaw stays as it is."""
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

    def _load_asked(self, name: str, version: int) -> Model:
        """A version that was asked for, which may be newer than the last look; ServiceError 404."""
        try:
            entry = self._store.entry(name)
            if version not in entry.versions:
                there = ", ".join(map(str, entry.versions)) or "none"
                raise ServiceError(404, f"there is no version {version} of '{name}': there are: {there}")
            if version not in self._asked[name]:
                self._asked[name].append(version)
            loads = self._versions.loads
            model = self._versions.tried(name, version, entry)
            self._publish()
            if self._versions.loads != loads:
                _settle_memory()
            return model
        finally:
            with self._lock:
                del self._waiting[name, version]

    def _show_loading(self, model: Model) -> None:
        """At the start tell what is being loaded; later whoever asks for it by number waits for it."""
        if not self._tried.is_set():
            self._versions.models[model.name, model.version] = model
            self._publish()

    def _publish(self) -> None:
        """Have requests see what is there now."""
        routes = dict(sorted(self._routes.items()))
        self._now = replace(self._now, models=dict(self._versions.models), routes=routes, entries=dict(self._entries))

    def _note_tried(self) -> None:
        if not self._tried.is_set():
            self._now = replace(self._now, is_tried=True)
            self._tried.set()
            self._metrics.note_ready()
            context.note_loaded()

    def _is_of_use(self, model: Model) -> bool:
        """Whether a version answers, has a label, was asked for lately, or is among the newest."""
        route, entry = self._routes[model.name], self._entries[model.name]
        wanted = {route.default.version, *(one.version for one in route.labels.values()), *self._asked[model.name]}
        return model.version in wanted | set(sorted(entry.versions)[-self._config.keep :])

    def _folder_of(self, model: Model) -> VersionFolder | None:
        """Where a version lies, if it still does."""
        entry = self._entries.get(model.name)
        return entry.versions.get(model.version) if entry else None

    def _route(self, name: str, entry: Entry) -> Route:
        """Who answers for a name now."""
        newest = sorted(entry.versions, reverse=True)
        labels = {label: one for label, one in entry.labels.items() if one.version in entry.versions}
        before = self._routes.get(name)
        wanted = labels[STABLE].version if STABLE in labels else newest[0]
        default = self._versions.tried(name, wanted, entry)
        if default.state != READY:
            default = self._instead_of(default, before, newest, entry)
        asked = entry.versions.keys() & set(self._asked[name])
        others = {one.version for one in labels.values()} | set(newest[: self._config.keep]) | asked
        loaded = {version: self._versions.tried(name, version, entry) for version in others - {wanted}}
        loaded[wanted] = self._versions.models[name, wanted]
        canary, shadow = (_labelled(labels.get(label), loaded) for label in (CANARY, SHADOW))
        weight = labels[CANARY].weight if canary else 0.0
        return Route(default, labels, canary, weight, shadow)

    def _instead_of(self, failed: Model, before: Route | None, newest: list[int], entry: Entry) -> Model:
        """A good version in the place of one that failed: what answered before, else the newest that can."""
        if before and before.default.state == READY and before.default.version in entry.versions:
            other = self._versions.tried(failed.name, before.default.version, entry)
            if other.state == READY:
                return other
        for version in newest:
            other = self._versions.tried(failed.name, version, entry)
            if other.state == READY:
                return other
        return failed


def _labelled(label: Label | None, loaded: dict[int, Model]) -> Model | None:
    model = loaded.get(label.version) if label else None
    return model if model and model.state == READY else None


def _settle_memory() -> None:
    """Keep the collector of cycles from what is loaded now.

    Without this it walks all of it again and again while requests wait. What is let go of later is in no cycle, and
    needs no collector.
    """
    gc.collect()
    gc.freeze()
