"""The versions that were loaded or tried, and when one is loaded anew."""

import logging
from collections.abc import Callable
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


class Versions:
    """Loads versions whose files or settings are others than when they were tried last.

    `models` has all of them by name and version. `loads` counts how often one was loaded or failed to; `on_begin` is
    told of each that was not there before, as it is begun.
    """

    def __init__(self, store: Store, config: Config, metrics: Metrics, on_begin: Callable[[Model], object]) -> None:
        self._store, self._config, self._metrics, self._on_begin = store, config, metrics, on_begin
        self.models: dict[Key, Model] = {}
        self.loads = 0
        # What the files of each were like at the last look, and since when they have been.
        self._seen: dict[Key, tuple[Stamp, float]] = {}

    def tried(self, name: str, version: int, entry: Entry) -> Model:
        """A version that was loaded or has failed with the files that are there now, going by the settings there."""
        key, folder, settings = (name, version), entry.versions[version], entry.settings
        earlier, now = self._seen.get(key, ((), 0.0))[0], self._look(key, folder)
        before = self.models.get(key)
        if before is None or before.state == LOADING:
            return self._load_first(key, folder, settings, now)
        if before.stamp == now and before.settings.engine == settings.engine:
            return self._keep(before, settings)
        # Hashing a file again and again while it is being copied would take all the time there is.
        if before.stamp != now and grows(earlier, now):
            return self._keep(before, settings)
        if before.state == READY:
            return self._load_beside(before, folder, settings, now)
        return self._load_first(key, folder, settings, now)

    def prune(self, is_of_use: Callable[[Model], bool], folder_of: Callable[[Model], VersionFolder | None]) -> None:
        """Let go of versions that are gone or of no use; those that failed stay, to be told, until their files change.

        What nobody wants is not tried again, but may be asked for once it was mended.
        """
        for key, model in list(self.models.items()):
            folder = folder_of(model)
            if folder is None or not (is_of_use(model) or self._still_fails(model, folder)):
                del self.models[key]
                self._seen.pop(key, None)

    def is_copying(self) -> bool:
        """Whether one waits for its files to settle."""
        return any(model.state == LOADING for model in self.models.values())

    def _look(self, key: Key, folder: VersionFolder) -> Stamp:
        try:
            now = stamp(folder.path)
        except SuiteError:
            # Loading it will say the same.
            now = ()
        if key not in self._seen or self._seen[key][0] != now:
            self._seen[key] = now, monotonic()
        return now

    def _still_fails(self, model: Model, folder: VersionFolder) -> bool:
        return model.state == FAILED and self._look((model.name, model.version), folder) == model.stamp

    def _keep(self, model: Model, settings: ModelSettings) -> Model:
        loader.adopt(model, settings, self._config)
        return model

    def _load_first(self, key: Key, folder: VersionFolder, settings: ModelSettings, now: Stamp) -> Model:
        """A version where none is ready."""
        before = self.models.get(key)
        model = Model(*key, now, self._seen[key][1], settings=settings)
        if before is None:
            self._on_begin(model)
        self._load(model, folder)
        if model.state == FAILED and (before is None or before.reason != model.reason):
            log.warning("%s is not served: %s", folder.shown, model.reason)
        self.models[key] = model
        return model

    def _load_beside(self, before: Model, folder: VersionFolder, settings: ModelSettings, now: Stamp) -> Model:
        """A ready version whose files or engine are others now; what is ready stays if that cannot be had."""
        key, reason = (before.name, before.version), ""
        if before.settings.engine == settings.engine:
            try:
                if loader.is_unchanged(before, folder, self._store):
                    before.stamp, before.files_complaint = now, ""
                    return self._keep(before, settings)
            except SuiteError as error:
                reason = loader.public_reason(error, folder)
                self._count(before.name, FAILED)
        if not reason:
            model = Model(*key, now, self._seen[key][1], settings=settings)
            self._load(model, folder)
            if model.state == READY:
                self.models[key] = model
                return model
            if model.state == LOADING:
                return self._keep(before, settings)
            reason = model.reason
        if before.settings.engine == settings.engine:
            before.files_complaint = f"its files were changed, and those of now cannot be taken: {reason}"
        else:
            before.complaint = f"the engine of its settings cannot be had: {reason}"
        log.warning("%s goes on as it was loaded: %s", folder.shown, reason)
        before.stamp = now
        return self._keep(before, settings)

    def _load(self, model: Model, folder: VersionFolder) -> None:
        loader.load(model, folder, self._store, self._config, self._metrics)
        if model.state != LOADING:
            self.loads += 1
            self._count(model.name, model.state)

    def _count(self, name: str, result: str) -> None:
        self._metrics.add(f'suite_reloads_total{{model={label(name)},result="{result}"}}')
