"""The models that a worker holds: the newest version of each, and older ones once somebody asks for them."""

import gc
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from serving import engines
from serving.codec import answers
from serving.config import Config
from serving.errors import ServiceError, nearest
from suite import artifact
from suite.artifact import Card
from suite.errors import SuiteError

LOADING, READY, FAILED, EMPTY = "loading", "ready", "failed", "empty"

log = logging.getLogger(__name__)


@dataclass
class Model:
    """One version of a model; `state` is loading, ready or failed, then `reason` says why.

    A model without a card has the `signature` of its engine instead.
    """

    name: str
    version: int
    state: str = LOADING
    reason: str = ""
    card: Card | None = None
    engine: engines.Engine | None = None
    signature: Any = None
    write: Callable[[answers.Outputs], str] | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """image, text or table; empty where no card says so."""
        return self.card.preprocessing["kind"] if self.card else ""


class Repository:
    """Loads models in a thread of its own, so that the service answers for its health from the start."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._store = config.models.resolve()
        self._newest = {name: self._versions(name)[-1] for name in self._names()}
        self._models = {(name, version): Model(name, version) for name, version in self._newest.items()}
        self._loading = Lock()
        self._tried = Event()

    def start(self) -> None:
        """Begin to load."""
        Thread(target=self.load, name="load-models", daemon=True).start()

    def load(self) -> None:
        """Load the newest version of each model; a model that cannot be loaded keeps no other from serving."""
        for model in list(self._models.values()):
            with self._loading:
                self._load(model)
        # What is loaded stays: without this the collector walks all of it again and again while requests wait.
        gc.collect()
        gc.freeze()
        self._tried.set()

    def wait(self, seconds: float) -> bool:
        """Whether every model was tried within that time."""
        return self._tried.wait(seconds)

    @property
    def state(self) -> str:
        """loading; then ready if one model or more can be asked, failed if none can, empty if there is none."""
        if not self._tried.is_set():
            return LOADING
        if not self._models:
            return EMPTY
        return READY if any(model.state == READY for model in self.models()) else FAILED

    def models(self) -> list[Model]:
        """Every version that was loaded or tried, by name and version."""
        return [self._models[key] for key in sorted(self._models)]

    def get(self, name: str | None, version: int | None, kind: str = "") -> Model:
        """A model that is ready; ServiceError 400, 404 or 503. Without a name, the only one (of the kind, if given)."""
        model = self._find(self._only(kind) if name is None else name, version)
        if model.state == LOADING:
            raise ServiceError(503, f"the model '{model.name}' is still loading: ask again in a moment")
        if model.state == FAILED:
            raise ServiceError(503, f"the model '{model.name}' version {model.version} is not served: {model.reason}")
        return model

    def _only(self, kind: str) -> str:
        names = [name for name, version in self._newest.items() if kind in ("", self._models[name, version].kind)]
        if len(names) == 1:
            return names[0]
        served = ", ".join(self._newest) or "none"
        raise ServiceError(400, f"say which 'model' is asked: there are: {served}")

    def _find(self, name: str, version: int | None) -> Model:
        if name not in self._newest:
            raise ServiceError(404, f"there is no model '{name[:64]}': {nearest(name, list(self._newest))}")
        wanted = self._newest[name] if version is None else version
        model = self._models.get((name, wanted))
        return model if model else self._load_older(name, wanted)

    def _load_older(self, name: str, version: int) -> Model:
        present = self._versions(name)
        if version not in present:
            versions = ", ".join(map(str, present))
            raise ServiceError(404, f"there is no version {version} of '{name}': there are: {versions}")
        with self._loading:
            model = self._models.setdefault((name, version), Model(name, version))
            if model.state == LOADING:
                self._load(model)
        return model

    def _load(self, model: Model) -> None:
        folder = self._store / model.name / str(model.version)
        try:
            card = artifact.read_card(folder)
            if card:
                artifact.verify(folder, card)
                model.write = answers.classifier(card)
            model.engine = engines.load(folder, card, self._config.engine, self._config.engine_threads)
            model.card = card
            model.signature = getattr(model.engine, "signature", None)
            model.state = READY
        except SuiteError as error:
            self._fail(model, str(error), error)
        except Exception as error:
            # A folder that somebody else wrote may break a reader in ways it does not name; the others still serve.
            self._fail(model, f"it cannot be loaded ({type(error).__name__}): save it again", error)

    def _fail(self, model: Model, reason: str, error: Exception) -> None:
        # Where the store lies is the operator's business.
        model.reason = reason.replace(f"{self._store}{os.sep}", "")
        model.state = FAILED
        log.warning("%s/%d is not served: %s", model.name, model.version, reason, exc_info=error)

    def _names(self) -> list[str]:
        return [name for name in artifact.model_names(self._store) if self._versions(name)]

    def _versions(self, name: str) -> list[int]:
        """The versions of a model that lie inside the store, not behind a link out of it."""
        parent = self._store / name
        return [v for v in artifact.versions(parent) if self._inside(parent / str(v))]

    def _inside(self, folder: Path) -> bool:
        return folder.resolve().is_relative_to(self._store)
