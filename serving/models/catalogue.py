"""The models that a worker currently serves, and how to look them up."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.context import MayAsk, allow_all
from serving.errors import ServiceError, nearest
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.models.store import Entry
from suite.labels import Label
from suite.model_folders import PassedOver

EMPTY = "empty"
# Names are cut to this length in messages and when similar ones are searched for.
SHOWN = 64


@dataclass(frozen=True)
class Route:
    """The versions behind a name: `canary` answers `weight` % of requests, `default` the rest; `shadow` is compared."""

    default: Model
    labels: Mapping[str, Label] = field(default_factory=dict)
    canary: Model | None = None
    weight: float = 0.0
    shadow: Model | None = None


@dataclass(frozen=True)
class State:
    """Everything that a worker serves. It is never modified but replaced, so it can be read without a lock.

    `is_tried` is set once the worker has tried to load every model. `unserved` are models that their settings turn off.
    """

    is_tried: bool = False
    models: Mapping[tuple[str, int], Model] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    unserved: frozenset[str] = frozenset()
    passed_over: tuple[PassedOver, ...] = ()


class Catalogue:
    """Looks up models by name, version and label, without ever waiting.

    `may_ask` is the rule of a key, a function of a model's name. Models that it does not allow are never listed or
    suggested, and asking for one raises ServiceError 403 whether it exists or not.
    """

    def __init__(self) -> None:
        self._now = State()

    @property
    def state(self) -> str:
        """loading at first; then ready if at least one model can answer, failed if none can, empty without models."""
        now = self._now
        if not now.is_tried:
            return LOADING
        if not now.routes:
            return EMPTY
        return READY if any(route.default.state == READY for route in now.routes.values()) else FAILED

    def models(self, may_ask: MayAsk = allow_all) -> list[Model]:
        """Return every version that was loaded or tried, ordered by name and version."""
        models = self._now.models
        return [models[key] for key in sorted(models) if may_ask(key[0])]

    def unserved(self, may_ask: MayAsk = allow_all) -> list[str]:
        """Return the names of the models that their settings turn off."""
        return sorted(filter(may_ask, self._now.unserved))

    def passed_over(self, may_ask: MayAsk = allow_all) -> list[PassedOver]:
        """Return the folders of the store that hold no model or no version, each with the reason."""
        return [one for one in self._now.passed_over if may_ask(one.folder.partition("/")[0])]

    def versions(self, name: str) -> list[int]:
        """Return the versions of a model in the store."""
        entry = self._now.entries.get(name)
        return list(entry.versions) if entry else []

    def labels(self, name: str, version: int) -> list[str]:
        """Return the labels of a version."""
        route = self._now.routes.get(name)
        return [label for label, one in route.labels.items() if one.version == version] if route else []

    def complaint(self, model: Model) -> str:
        """Return which of the model's own settings are not applied, and why."""
        entry = self._now.entries.get(model.name)
        return (entry.settings_complaint if entry else "") or model.complaint

    def labels_complaint(self, name: str) -> str:
        """Return why the labels in the store are not applied."""
        entry = self._now.entries.get(name)
        return entry.labels_complaint if entry else ""

    def answers(self, model: Model) -> bool:
        """Return whether this version answers requests that name no version."""
        route = self._now.routes.get(model.name)
        return route is not None and route.default is model

    def shadow(self, model: Model) -> Model | None:
        """Return the version that gets the same requests as this one, for comparison; None without one."""
        route = self._now.routes.get(model.name)
        return route.shadow if route and route.shadow is not model else None

    def only(self, kind: str = "", may_ask: MayAsk = allow_all) -> str:
        """Return the name of the only model (of the kind, if given); raise ServiceError 400, 403 or 503."""
        now = self._now
        _check_tried(now)
        routes = {name: route for name, route in now.routes.items() if may_ask(name)}
        if now.routes and not routes:
            raise ServiceError(403, "this key is for none of the models here: ask who gave it to you")
        names = [name for name, route in routes.items() if kind in ("", route.default.kind)]
        if len(names) == 1:
            return names[0]
        raise ServiceError(400, f"say which 'model' is asked: there are: {', '.join(routes) or 'none'}")

    def find(self, name: str, version: int | str | None = None, may_ask: MayAsk = allow_all) -> Model | None:
        """Return a model in any state, by version or label; None if not loaded; raise ServiceError 403, 404 or 503."""
        found = self._resolve(name, version, may_ask)
        return found if isinstance(found, Model) else None

    def find_ready(self, name: str, version: int | str | None = None, may_ask: MayAsk = allow_all) -> Model | None:
        """Return a model that is ready; None if that version is not loaded; raise ServiceError 403, 404 or 503."""
        found = self.find(name, version, may_ask)
        return found and ready(found)

    def _resolve(self, name: str, version: int | str | None, may_ask: MayAsk) -> Model | int:
        """Return a model in any state, or the number of an unloaded version; raise ServiceError 403, 404 or 503."""
        now = self._now
        if not may_ask(name):
            raise ServiceError(403, f"this key is not for the model '{name[:SHOWN]}': ask who gave it to you")
        route = now.routes.get(name)
        if route is None:
            raise _no_route(now, name, may_ask)
        if version is None:
            if route.canary and random.random() * 100 < route.weight:
                return route.canary
            return route.default
        if isinstance(version, str):
            if version not in route.labels:
                hint = nearest(version[:SHOWN], list(route.labels))
                raise ServiceError(404, f"'{name}' has no label '{version[:32]}': {hint}")
            version = route.labels[version].version
        return now.models.get((name, version), version)


def ready(model: Model) -> Model:
    """Return the model itself if it is ready; else raise ServiceError 503."""
    if model.state == LOADING:
        why = model.reason or "ask again in a moment"
        raise ServiceError(503, f"the model '{model.name}' is still loading: {why}", 1)
    if model.state == FAILED:
        raise ServiceError(503, f"the model '{model.name}' version {model.version} is not served: {model.reason}")
    return model


def _no_route(now: State, name: str, may_ask: MayAsk) -> ServiceError:
    """Return the error for a name that has no route."""
    _check_tried(now)
    if name in now.unserved:
        return ServiceError(503, f"the model '{name}' is not served: its settings say so")
    shown = name[:SHOWN]
    return ServiceError(404, f"there is no model '{shown}': {nearest(shown, list(filter(may_ask, now.routes)))}")


def _check_tried(now: State) -> None:
    """Raise ServiceError 503 until the worker has tried to load all models."""
    if not now.is_tried:
        raise ServiceError(503, "models are still loading: ask again in a moment", 1)
