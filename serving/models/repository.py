"""The models that a worker holds, and which version answers; kept up with the folder they lie in."""

import gc
import logging
import random
from collections import defaultdict, deque
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import sleep

from serving.config import Config
from serving.errors import ServiceError, nearest
from serving.models.loader import FAILED, LOADING, READY, Model, adopt, load
from serving.models.store import Entry, Store
from serving.observability.metrics import Metrics, label
from suite.errors import SuiteError
from suite.labels import CANARY, SHADOW, STABLE, Label

EMPTY = "empty"
ASKED = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Route:
    """Who answers for a name: `default`, or in `weight` of 100 requests `canary`; `shadow` is asked beside them."""

    default: Model
    labels: dict[str, Label] = field(default_factory=dict)
    canary: Model | None = None
    weight: float = 0.0
    shadow: Model | None = None


class Repository:
    """Loads models in a thread of its own, so that the service answers for its health from the start.

    A new version is verified, loaded and tried before it takes the place of another; one that fails never does. What
    requests still use stays until they have ended.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        self._config, self._metrics = config, metrics
        self._store = Store(config.models)
        self._entries: dict[str, Entry] = {}
        # Those whose settings say that they are not to be served.
        self._unserved: frozenset[str] = frozenset()
        self._models: dict[tuple[str, int], Model] = {}
        self._routes: dict[str, Route] = {}
        # Versions that somebody asked for, the last few of each model.
        self._asked: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=ASKED))
        self._loading = Lock()
        self._tried = Event()

    def start(self) -> None:
        """Begin to load, and to watch the store."""
        Thread(target=self._watch, name="load-models", daemon=True).start()

    def refresh(self) -> None:
        """Take over what has changed in the store."""
        with self._loading:
            found = self._store.entries()
            self._unserved = frozenset(name for name, entry in found.items() if entry.settings.served is False)
            entries = {name: entry for name, entry in found.items() if name not in self._unserved}
            if entries == self._entries and self._tried.is_set():
                return
            for name, entry in entries.items():
                if entry != self._entries.get(name):
                    if entry.complaint:
                        log.warning("%s", entry.complaint)
                    self._routes[name] = self._refreshed(name, entry)
            for name in self._routes.keys() - entries.keys():
                del self._routes[name]
            self._entries = entries
            for key in [key for key, model in self._models.items() if not self._keeps(model)]:
                del self._models[key]
            if not self._tried.is_set():
                self._tried.set()
                self._metrics.note_ready()
            # What is loaded stays: without this the collector walks all of it again and again while requests wait.
            # What is let go of later is in no cycle, and needs no collector.
            gc.collect()
            gc.freeze()

    def wait(self, seconds: float) -> bool:
        """Whether every model was tried within that time."""
        return self._tried.wait(seconds)

    @property
    def state(self) -> str:
        """loading; then ready if one model or more can be asked, failed if none can, empty if there is none."""
        if not self._tried.is_set():
            return LOADING
        if not self._routes:
            return EMPTY
        return READY if any(route.default.state == READY for route in self._routes.values()) else FAILED

    def models(self) -> list[Model]:
        """Every version that was loaded or tried, by name and version."""
        models = dict(self._models)
        return [models[key] for key in sorted(models)]

    def unserved(self) -> list[str]:
        """The models whose settings say that they are not to be served."""
        return sorted(self._unserved)

    def serve(self, name: str, served: bool) -> None:
        """Have a model served, or not, by all workers; ServiceError 404, 503, 507."""
        if name not in self._routes and name not in self._unserved:
            self.find(name)
        try:
            self._store.serve(name, served)
        except SuiteError as error:
            raise ServiceError(503, str(error)) from error
        except OSError as error:
            raise ServiceError(507, f"the store cannot be written to ({error.strerror}): mend that") from error
        self.refresh()

    def versions(self, name: str) -> list[int]:
        """The versions of a model that there are."""
        entry = self._entries.get(name)
        return list(entry.versions) if entry else []

    def labels(self, name: str, version: int) -> list[str]:
        """What this version is called."""
        route = self._routes.get(name)
        return [label for label, one in route.labels.items() if one.version == version] if route else []

    def complaint(self, model: Model) -> str:
        """What of the model's own settings does not hold, and why."""
        entry = self._entries.get(model.name)
        return (entry.complaint if entry else "") or model.complaint

    def answers(self, model: Model) -> bool:
        """Whether this version answers where none is asked for."""
        route = self._routes.get(model.name)
        return route is not None and route.default is model

    def only(self, kind: str = "") -> str:
        """The name of the only model (of the kind, if given); ServiceError 400, 503."""
        self._check_tried()
        routes = self._routes
        names = [name for name, route in routes.items() if kind in ("", route.default.kind)]
        if len(names) == 1:
            return names[0]
        raise ServiceError(400, f"say which 'model' is asked: there are: {', '.join(routes) or 'none'}")

    def get(self, name: str, version: int | str | None = None) -> Model:
        """A model that is ready, by version or label; ServiceError 404 or 503."""
        return _ready(self.find(name, version))

    def at_hand(self, name: str, version: int | str | None = None) -> Model | None:
        """What `get` gives; None where it would load it first."""
        found = self._found(name, version)
        return _ready(found) if isinstance(found, Model) else None

    def find(self, name: str, version: int | str | None = None) -> Model:
        """A model in whatever state; ServiceError 404."""
        found = self._found(name, version)
        return found if isinstance(found, Model) else self._asked_for(name, found)

    def _found(self, name: str, version: int | str | None) -> Model | int:
        """A model in whatever state, or which version of it is not loaded; ServiceError 404."""
        route = self._routes.get(name)
        if route is None:
            self._check_tried()
            if name in self._unserved:
                raise ServiceError(503, f"the model '{name}' is not served: its settings say so")
            raise ServiceError(404, f"there is no model '{name[:64]}': {nearest(name, list(self._routes))}")
        if version is None:
            if route.canary and random.random() * 100 < route.weight:
                return route.canary
            return route.default
        if isinstance(version, str):
            if version not in route.labels:
                raise ServiceError(
                    404, f"'{name}' has no label '{version[:32]}': {nearest(version, list(route.labels))}"
                )
            version = route.labels[version].version
        return self._models.get((name, version), version)

    def shadow(self, model: Model) -> Model | None:
        """The version that is given this one's requests too, for comparison."""
        route = self._routes.get(model.name)
        return route.shadow if route and route.shadow is not model else None

    def _check_tried(self) -> None:
        """ServiceError 503 as long as it is not known which models there are."""
        if not self._tried.is_set():
            raise ServiceError(503, "models are still loading: ask again in a moment", 1)

    def _asked_for(self, name: str, version: int) -> Model:
        """An older version, loaded when somebody first asks for it."""
        entry = self._store.entry(name)
        if version not in entry.versions:
            there = ", ".join(map(str, entry.versions)) or "none"
            raise ServiceError(404, f"there is no version {version} of '{name}': there are: {there}")
        with self._loading:
            self._asked[name].append(version)
            return self._tried_model(name, version, entry)

    def _keeps(self, model: Model) -> bool:
        """Whether a version is still there, and is of use or failed."""
        entry, route = self._entries.get(model.name), self._routes.get(model.name)
        if entry is None or route is None or model.version not in entry.versions:
            return False
        wanted = {route.default.version, *(one.version for one in route.labels.values()), *self._asked[model.name]}
        return model.state == FAILED or model.version in wanted | set(sorted(entry.versions)[-self._config.keep :])

    def _watch(self) -> None:
        while True:
            try:
                self.refresh()
            except OSError as error:
                log.warning("the store cannot be read (%s): what is loaded goes on", error)
            if not self._config.poll:
                return
            sleep(self._config.poll)

    def _refreshed(self, name: str, entry: Entry) -> Route:
        """Who answers for a name now."""
        newest = sorted(entry.versions, reverse=True)
        labels = {label: one for label, one in entry.labels.items() if one.version in entry.versions}
        before = self._routes.get(name)
        wanted = labels[STABLE].version if STABLE in labels else newest[0]
        default = self._tried_model(name, wanted, entry)
        if default.state != READY:
            default = self._instead_of(default, before, newest, entry)
        asked = entry.versions.keys() & self._asked[name]
        others = {one.version for one in labels.values()} | set(newest[: self._config.keep]) | asked
        loaded = {version: self._tried_model(name, version, entry) for version in others}
        canary, shadow = (self._labelled(labels.get(label), loaded) for label in (CANARY, SHADOW))
        weight = labels[CANARY].weight if canary else 0.0
        return Route(default, labels, canary, weight, shadow)

    def _instead_of(self, failed: Model, before: Route | None, newest: list[int], entry: Entry) -> Model:
        """A good version in the place of one that failed: what answered before, else the newest that can."""
        if before and before.default.state == READY and before.default.version in entry.versions:
            return before.default
        for version in newest:
            other = self._tried_model(failed.name, version, entry)
            if other.state == READY:
                return other
        return failed

    def _labelled(self, label: Label | None, loaded: dict[int, Model]) -> Model | None:
        model = loaded.get(label.version) if label else None
        return model if model and model.state == READY else None

    def _tried_model(self, name: str, version: int, entry: Entry) -> Model:
        """A version that was loaded or has failed with the files that are there now, going by the settings there."""
        stamp, settings = entry.versions[version], entry.settings
        before = self._models.get((name, version))
        if (
            before
            and not (before.state == FAILED and before.stamp != stamp)
            and before.settings.engine == settings.engine
        ):
            adopt(before, settings, self._config)
            return before
        model = Model(name, version, stamp, settings=settings)
        if not self._tried.is_set():
            self._models[name, version] = model
        load(model, self._store, self._config, self._metrics)
        self._metrics.add(f'suite_reloads_total{{model={label(name)},result="{model.state}"}}')
        if before and before.state == READY and model.state == FAILED:
            before.complaint = f"the engine of its settings cannot be had: {model.reason}"
            adopt(before, settings, self._config)
            return before
        self._models[name, version] = model
        return model


def _ready(model: Model) -> Model:
    """The model; ServiceError 503 where it cannot be asked."""
    if model.state == LOADING:
        raise ServiceError(503, f"the model '{model.name}' is still loading: ask again in a moment", 1)
    if model.state == FAILED:
        raise ServiceError(503, f"the model '{model.name}' version {model.version} is not served: {model.reason}")
    return model
