"""Keeps the loaded versions, and decides when to load one again."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from serving.config import Config
from serving.models import loader
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.models.settings import ModelSettings
from serving.models.store import Entry, Stamp, Store, VersionFolder, grows, stamp
from serving.observability.metrics import Metrics, label
from suite.errors import SuiteError

Key = tuple[str, int]

log = logging.getLogger(__name__)


@dataclass
class Seen:
    """The files of a version at the last two checks, and since when they have not changed (a time of `monotonic`)."""

    look: int
    before: Stamp
    now: Stamp
    since: float


class Versions:
    """Loads a version when it is new, and again when its files or its engine setting change.

    `models` holds all of them by name and version, and `loads` counts the attempts. `on_begin` is called with each new
    version before it is loaded.
    """

    def __init__(self, store: Store, config: Config, metrics: Metrics, on_begin: Callable[[Model], object]) -> None:
        self._store, self._config, self._metrics, self._on_begin = store, config, metrics, on_begin
        self.models: dict[Key, Model] = {}
        self.loads = 0
        self._looks = 0
        self._seen: dict[Key, Seen] = {}

    def begin_look(self) -> None:
        """Begin a new check of the store, in which the files of each version are looked at once at most."""
        self._looks += 1

    def load(self, name: str, version: int, entry: Entry) -> Model:
        """Return a version according to its current files and settings; load it only if those have changed."""
        key, folder, settings = (name, version), entry.versions[version], entry.settings
        seen, before = self._look(key, folder), self.models.get(key)
        if before is None or before.state == LOADING:
            return self._load_first(key, folder, settings)
        if before.stamp == seen.now and before.settings.engine == settings.engine:
            loader.apply_settings(before, settings, self._config)
            return before
        # Hashing a large file at each check while it is being copied would take too much time.
        if before.stamp != seen.now and grows(seen.before, seen.now):
            return self._wait(before, settings)
        if before.state == READY:
            return self._load_beside(before, folder, settings)
        return self._load_first(key, folder, settings)

    def prune(self, is_in_use: Callable[[Model], bool], folder_of: Callable[[Model], VersionFolder | None]) -> None:
        """Remove versions that are gone or not in use.

        A failed version stays listed until its files change; after that, a request for it loads it again.
        """
        for key, model in list(self.models.items()):
            folder = folder_of(model)
            if folder is None or not (is_in_use(model) or self._still_fails(model, folder)):
                del self.models[key]
                self._seen.pop(key, None)

    def is_copying(self) -> bool:
        """Return whether a version is waiting until its files are complete."""
        return any(model.state == LOADING for model in self.models.values())

    def _look(self, key: Key, folder: VersionFolder) -> Seen:
        seen = self._seen.get(key)
        if seen and seen.look == self._looks:
            return seen
        try:
            now = stamp(folder.path)
        except SuiteError:
            # Loading the version will report this error.
            now = ()
        before = seen.now if seen else ()
        since = seen.since if seen and seen.now == now else monotonic()
        self._seen[key] = Seen(self._looks, before, now, since)
        return self._seen[key]

    def _still_fails(self, model: Model, folder: VersionFolder) -> bool:
        return model.state == FAILED and self._look((model.name, model.version), folder).now == model.stamp

    def _load_first(self, key: Key, folder: VersionFolder, settings: ModelSettings) -> Model:
        """Load a version that is not ready yet."""
        before, model = self.models.get(key), self._new(key, settings)
        if before is None:
            self._on_begin(model)
        self._load(model, folder)
        if model.state == FAILED and (before is None or before.reason != model.reason):
            log.warning("%s is not served: %s", folder.shown, model.reason)
        self.models[key] = model
        return model

    def _load_beside(self, before: Model, folder: VersionFolder, settings: ModelSettings) -> Model:
        """Load the new files or engine of a ready version, and keep the current one if that fails."""
        key, reason = (before.name, before.version), ""
        is_same_engine = before.settings.engine == settings.engine
        if is_same_engine:
            try:
                if loader.is_unchanged(before, folder, self._store):
                    before.stamp, before.files_complaint = self._seen[key].now, ""
                    loader.apply_settings(before, settings, self._config)
                    return before
            except Exception as error:
                reason = loader.public_reason(error, folder)
                self._count(before.name, FAILED)
        if not reason:
            model = self._new(key, settings)
            self._load(model, folder)
            if model.state == READY:
                self.models[key] = model
                return model
            if model.state == LOADING:
                return self._wait(before, settings)
            reason = model.reason
        if is_same_engine:
            before.files_complaint = f"its files have changed, and the new ones cannot be loaded: {reason}"
        else:
            before.complaint = f"the engine of its settings cannot be had: {reason}"
        log.warning("%s goes on as it was loaded: %s", folder.shown, reason)
        before.stamp = self._seen[key].now
        loader.apply_settings(before, settings, self._config)
        return before

    def _wait(self, model: Model, settings: ModelSettings) -> Model:
        """Keep the version as it is until its files are complete; a new engine setting has to wait for that too."""
        loader.apply_settings(model, replace(settings, engine=model.settings.engine), self._config)
        return model

    def _new(self, key: Key, settings: ModelSettings) -> Model:
        return Model(*key, self._seen[key].now, self._seen[key].since, settings=settings)

    def _load(self, model: Model, folder: VersionFolder) -> None:
        loader.load(model, folder, self._store, self._config, self._metrics)
        if model.state != LOADING:
            self.loads += 1
            self._count(model.name, model.state)

    def _count(self, name: str, result: str) -> None:
        self._metrics.add(f'suite_reloads_total{{model={label(name)},result="{result}"}}')
