"""One version of a model: verified, loaded, tried."""

import logging
import os
from dataclasses import dataclass, field
from typing import Any

from serving import codecs, signature
from serving.codecs.base import Codec, Limits
from serving.codecs.tensors import TensorCodec
from serving.config import Config, cores
from serving.engines import select
from serving.models.settings import FILE, ModelSettings
from serving.models.store import Store
from serving.observability.metrics import LaneMeter, Metrics
from serving.scheduling.batcher import Lane
from serving.signature import Signature
from suite import artifact
from suite.artifact import Card
from suite.errors import SuiteError

LOADING, READY, FAILED = "loading", "ready", "failed"

log = logging.getLogger(__name__)


@dataclass
class Model:
    """One version of a model; `state` is loading, ready or failed, then `reason` says why.

    `stamp` tells what its files were like when it was tried. `measured` is the milliseconds of an answer by engine,
    where it could be run on several; `passed_over` says why those that could not be taken were not. `settings` are its
    own, `complaint` says what of them cannot be had.
    """

    name: str
    version: int
    stamp: tuple[int, ...] = ()
    state: str = LOADING
    reason: str = ""
    card: Card | None = None
    engine: str = ""
    light: bool = False
    measured: dict[str, float] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    settings: ModelSettings = field(default_factory=ModelSettings)
    complaint: str = ""
    signature: Signature = field(default_factory=lambda: Signature({}, {}))
    lane: Lane | None = field(default=None, repr=False)
    codec: Codec = field(default_factory=lambda: TensorCodec(Signature({}, {}), Limits()), repr=False)

    @property
    def kind(self) -> str:
        """image, text or table; empty where no card says so."""
        return self.codec.kind


def load(model: Model, store: Store, config: Config, metrics: Metrics) -> None:
    """Make a model ready, or failed with the reason; the service goes on either way."""
    folder = store.path(model.name, model.version)
    try:
        store.check_links(folder)
        card = artifact.read_card(folder)
        if card:
            artifact.verify(folder, card)
        choice = _choose(model, card, store, config)
        engine = choice.engine
        model.card, model.engine, model.light, model.measured = card, engine.name, engine.light, choice.measured
        model.passed_over = {name: _public(why, store) for name, why in choice.passed_over.items()}
        model.signature = signature.of_card(card) if card else engine.signature
        model.codec = codecs.for_model(card, model.signature, Limits.of(config))
        meter = LaneMeter(metrics, model.name)
        model.lane = Lane(model.name, engine, meter=meter, **_limits(model, config))
        model.state = READY
        for name, why in choice.passed_over.items():
            log.warning("%s/%d does not run on %s: %s", model.name, model.version, name, why)
    except SuiteError as error:
        _fail(model, store, str(error), error)
    except Exception as error:
        # A folder that somebody else wrote may break a reader in ways it does not name; the others still serve.
        _fail(model, store, f"it cannot be loaded ({type(error).__name__}): save it again", error)


def adopt(model: Model, settings: ModelSettings, config: Config) -> None:
    """Have the queue of a loaded model go by other settings from now on."""
    model.settings = settings
    if model.lane:
        model.lane.limit(**_limits(model, config))


def _choose(model: Model, card: Card | None, store: Store, config: Config) -> select.Choice:
    """The model on the engine of its own settings where it can be had, else on the service's."""
    folder, own = store.path(model.name, model.version), model.settings.engine
    if own:
        try:
            return select.choose(folder, card, own, config.engine_threads)
        except SuiteError as error:
            model.complaint = _public(f"{model.name}/{FILE}: 'engine' is \"{own}\", and {error}", store)
            log.warning("%s", model.complaint)
    return select.choose(folder, card, config.engine, config.engine_threads)


def _limits(model: Model, config: Config) -> dict[str, Any]:
    """What a lane is told: the model's own settings, and the service's where it has none."""
    own = model.settings
    # Waiting for one another gains a light engine little, so it has to be asked for.
    max_batch = own.max_batch or (1 if model.light else config.max_batch)
    delay = config.max_delay_ms if own.max_delay_ms is None else own.max_delay_ms
    waiting = config.max_waiting if own.max_waiting is None else own.max_waiting
    return {
        # Several batches that gather would take one another's rows away.
        "at_once": cores() if model.light and max_batch == 1 else 1,
        # Where each of them holds a thread, the rest is for other models.
        "most_waiting": min(waiting, max(1, config.threads * 3 // 4)),
        "max_batch": max_batch,
        "max_here": own.max_batch or config.max_batch,
        "max_delay": delay / 1000,
    }


def _public(text: str, store: Store) -> str:
    """The text without where the store lies, which is the operator's business."""
    return text.replace(f"{store.folder}{os.sep}", "")


def _fail(model: Model, store: Store, reason: str, error: Exception) -> None:
    model.reason = _public(reason, store)
    model.state = FAILED
    log.warning("%s/%d is not served: %s", model.name, model.version, reason, exc_info=error)
