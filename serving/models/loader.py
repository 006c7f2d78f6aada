"""Loads one version of a model: verifies it, chooses its engine and tries it."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from serving import signature
from serving.codecs import responses as answers
from serving.config import Config, cores
from serving.engines import select
from serving.models import store as model_store
from serving.models.settings import FILE, ModelSettings
from serving.models.store import Stamp, Store, VersionFolder
from serving.observability.metrics import LaneMeter, Metrics
from serving.scheduling.batcher import Lane
from serving.signature import Signature
from suite import artifact
from suite.artifact import Card
from suite.errors import SuiteError

LOADING, READY, FAILED = "loading", "ready", "failed"
# Without a card, a version counts as whole once nothing in it has changed for so many seconds. For a version with files
# that are only of use with a card it takes longer, because the card may be the last file of a copy.
SETTLED, CARD_TO_COME = 3.0, 5.0
WITH_CARD = ("model.tflite", "model.onnx", "model.keras", "report.html")
COPIED = "its files are being copied: without a card it is taken up once nothing has changed for {:g} seconds"

log = logging.getLogger(__name__)


@dataclass
class Model:
    """One version of a model.

    `state` is loading, ready or failed; `reason` says why it is not ready. `stamp` describes its files, which have been
    like this since `seen_since` (of `monotonic`) or longer. `measured` is the milliseconds of an answer by engine, if
    several could run it; `passed_over` says why other engines were not chosen. `settings` are its own; `complaint` says
    which of them cannot be met. If its files have changed and the new ones cannot be loaded, `files_complaint` says
    why. `lanes` are the queues of its signatures by name, and `lane` is the one of its default signature.
    """

    name: str
    version: int
    stamp: Stamp = ()
    seen_since: float = field(default_factory=time.monotonic)
    state: str = LOADING
    reason: str = ""
    card: Card | None = None
    engine: str = ""
    light: bool = False
    measured: dict[str, float] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    settings: ModelSettings = field(default_factory=ModelSettings)
    complaint: str = ""
    files_complaint: str = ""
    signature: Signature = field(default_factory=lambda: Signature({}, {}))
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    lane: Lane | None = field(default=None, repr=False)
    lanes: dict[str, Lane] = field(default_factory=dict, repr=False)
    write: Callable[[answers.Outputs], str] | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """image, text or table; empty where no card says so."""
        return self.card.preprocessing["kind"] if self.card else ""

    @property
    def has_default_signature(self) -> bool:
        """Whether a request in TensorFlow Serving's form may leave out `signature_name`."""
        return len(self.lanes) == 1 or signature.DEFAULT in self.lanes

    def lane_of(self, name: str) -> Lane:
        """The queue of a signature; of the default one if the name is empty."""
        lane = self.lanes.get(name) if name else self.lane
        assert lane
        return lane


def load(model: Model, folder: VersionFolder, store: Store, config: Config, metrics: Metrics) -> None:
    """Load a model into its state ready, or set it to failed with the reason. Errors never reach the caller.

    It stays loading if it has no card and its files have not settled yet.
    """
    try:
        store.check_files(folder)
        card = artifact.read_card(folder.path)
        wait = _settling(folder)
        if card is None and not _is_settled(model, folder, wait):
            model.reason = COPIED.format(wait)
            return
        if card:
            artifact.verify(folder.path, card)
            model.write = answers.classifier(card)
        choice = _choose(model, card, folder, config)
        engine = choice.engine
        if card is None and model_store.stamp(folder.path) != model.stamp:
            # Loading took seconds, and in the meantime the card may have come.
            model.reason = COPIED.format(wait)
            return
        model.card, model.engine, model.light, model.measured = card, engine.name, engine.light, choice.measured
        model.passed_over = {name: _public(why, folder) for name, why in choice.passed_over.items()}
        model.signature = signature.of_card(card) if card else engine.signature
        model.signatures = {signature.DEFAULT: model.signature} if card else engine.signatures
        meter = LaneMeter(metrics, model.name)
        model.lane = Lane(model.name, engine, meter=meter, **_limits(model, config))
        for name, one in model.signatures.items():
            if one is model.signature:
                model.lanes[name] = model.lane
            elif not one.complaint:
                other = engine.for_signature(name)
                model.lanes[name] = Lane(model.name, other, meter=meter, **_limits(model, config))
        model.state = READY
        for name, why in model.passed_over.items():
            log.warning("%s does not run on %s: %s", folder.shown, name, why)
    except SuiteError as error:
        _fail(model, folder, str(error))
    except Exception as error:
        # A folder that somebody else wrote may break a library in ways that it does not document.
        log.warning("%s cannot be loaded", folder.shown, exc_info=error)
        _fail(model, folder, f"it cannot be loaded ({type(error).__name__}): save it again")


def adopt(model: Model, settings: ModelSettings, config: Config) -> None:
    """Apply other settings to the queues of a loaded model."""
    if model.settings == settings:
        return
    model.settings = settings
    for lane in model.lanes.values():
        lane.limit(**_limits(model, config))


def is_unchanged(model: Model, folder: VersionFolder, store: Store) -> bool:
    """Whether the files of a loaded model have the same content as before, although they were touched or replaced.

    False for a model without a card, where this is not known. SuiteError if the card or a file is damaged.
    """
    if model.card is None:
        return False
    store.check_files(folder)
    card = artifact.read_card(folder.path)
    if card is None:
        raise SuiteError(f"{folder.shown}/{artifact.CARD} is missing: restore it")
    artifact.verify(folder.path, card)
    return card == model.card


def public_reason(error: SuiteError, folder: VersionFolder) -> str:
    """The message of an error about a version, without the path of the store."""
    return _public(str(error), folder)


def _settling(folder: VersionFolder) -> float:
    """For how many seconds a version without a card has to stay unchanged."""
    return CARD_TO_COME if any((folder.path / name).exists() for name in WITH_CARD) else SETTLED


def _is_settled(model: Model, folder: VersionFolder, seconds: float) -> bool:
    """Whether nothing has changed for so long, judged by the times of the files or by what was seen.

    The clock of a file server may differ from ours.
    """
    age = time.time() - model_store.last_change(folder.path)
    return age >= seconds or time.monotonic() - model.seen_since >= seconds


def _choose(model: Model, card: Card | None, folder: VersionFolder, config: Config) -> select.Choice:
    """Choose the engine of the model's own settings if it can run there, else that of the service."""
    own = model.settings.engine
    if own:
        try:
            return select.choose(folder.path, card, own, config.engine_threads)
        except SuiteError as error:
            model.complaint = _public(f"{model.name}/{FILE}: 'engine' is \"{own}\", and {error}", folder)
            log.warning("%s", model.complaint)
    return select.choose(folder.path, card, config.engine, config.engine_threads)


@dataclass(frozen=True)
class Batching:
    """How many rows of several requests run together, how long they wait for each other, and how many may wait."""

    max_batch: int
    max_delay_ms: int
    max_waiting: int


def batching(model: Model, config: Config) -> Batching:
    """The model's own settings, and the service's where it has none."""
    own = model.settings
    # The rows of a model without a card may depend on each other, and a light engine gains little from larger batches,
    # so in both cases only the model's own settings turn batching on.
    alone = model.light or model.card is None
    return Batching(
        own.max_batch or (1 if alone else config.max_batch),
        config.max_delay_ms if own.max_delay_ms is None else own.max_delay_ms,
        config.max_waiting if own.max_waiting is None else own.max_waiting,
    )


def _limits(model: Model, config: Config) -> dict[str, Any]:
    """The limits of a model's queues."""
    own, together = model.settings, batching(model, config)
    return {
        # Several batches that fill up at the same time would compete for rows.
        "at_once": cores() if model.light and together.max_batch == 1 else 1,
        # If each of them holds a thread, the other threads are left for other models.
        "most_waiting": min(together.max_waiting, max(1, config.threads * 3 // 4)),
        "max_batch": together.max_batch,
        "max_here": own.max_batch or (1 if model.card is None else config.max_batch),
        "max_delay": together.max_delay_ms / 1000,
    }


def _public(text: str, folder: VersionFolder) -> str:
    return text.replace(os.fspath(folder.path), folder.shown)


def _fail(model: Model, folder: VersionFolder, reason: str) -> None:
    model.reason = _public(reason, folder)
    model.state = FAILED
