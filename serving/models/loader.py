"""Loads one version of a model: verifies its files, chooses its engine and runs it once as a test."""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from serving import codecs, signature
from serving.codecs.base import Codec, Limits
from serving.codecs.tensors import TensorCodec
from serving.config import Config
from serving.engines import parity, select
from serving.engines.base import Arrays, Engine
from serving.models import store as model_store
from serving.models.settings import FILE, ModelSettings
from serving.models.store import Stamp, Store, VersionFolder
from serving.observability.metrics import Metrics, ModelMeter
from serving.scheduling.batcher import Batcher, BatchLimits
from serving.signature import Signature
from suite import artifact
from suite.artifact import Card
from suite.errors import SuiteError

LOADING, READY, FAILED = "loading", "ready", "failed"
# A version without a card counts as complete once its files have not changed for SETTLED seconds; for CARD_TO_COME
# seconds if it has files that are only used with a card, because the card may be the last file of a copy.
SETTLED, CARD_TO_COME = 3.0, 5.0
USED_WITH_CARD = ("model.tflite", "model.onnx", "model.keras", "report.html")
STILL_COPYING = "its files are being copied: without a card it is taken up once nothing has changed for {:g} seconds"

log = logging.getLogger(__name__)


@dataclass
class Model:
    """One version of a model.

    `state` is loading, ready or failed; `reason` says why it is not ready. `stamp` describes its files, which have not
    changed since `seen_since` (of `monotonic`) or earlier. `measured` is the milliseconds a row by engine, if several
    could run it; `passed_over` says why other engines were not chosen. `settings` are its own; `complaint` says which
    of them cannot be applied. If its files have changed and the new ones cannot be loaded, `files_complaint` says why.
    `batchers` are the queues of its signatures by name; `batcher` and `codec` are those of its default signature.
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
    batcher: Batcher | None = field(default=None, repr=False)
    batchers: dict[str, Batcher] = field(default_factory=dict, repr=False)
    codec: Codec = field(default_factory=lambda: TensorCodec(Signature({}, {}), Limits()), repr=False)

    @property
    def kind(self) -> str:
        """image, text or table; empty without a card."""
        return self.codec.kind

    @property
    def has_default_signature(self) -> bool:
        """Whether a request in TensorFlow Serving's protocol may leave out `signature_name`."""
        return len(self.batchers) == 1 or signature.DEFAULT in self.batchers

    def batcher_of(self, name: str) -> Batcher:
        """Return the queue of a signature, of the default one if the name is empty."""
        batcher = self.batchers.get(name) if name else self.batcher
        assert batcher is not None
        return batcher


def load(model: Model, folder: VersionFolder, store: Store, config: Config, metrics: Metrics) -> None:
    """Load a model and set its state to ready, or to failed with the reason. Never raises.

    The state stays loading if the model has no card and its files may still be being copied.
    """
    try:
        store.check_files(folder)
        card = artifact.read_card(folder.path)
        wait = _settling(folder)
        if card is None and not _is_settled(model, folder, wait):
            model.reason = STILL_COPYING.format(wait)
            return
        if card:
            artifact.verify(folder.path, card)
        choice = _choose(model, card, folder, config)
        engine = choice.engine
        if card is None and model_store.stamp(folder.path) != model.stamp:
            # Loading took seconds, and in the meantime the card may have come.
            model.reason = STILL_COPYING.format(wait)
            return
        model.card, model.engine, model.light, model.measured = card, engine.name, engine.light, choice.measured
        model.passed_over = {name: _public(why, folder) for name, why in choice.passed_over.items()}
        model.signature = signature.of_card(card) if card else engine.signature
        model.signatures = {signature.DEFAULT: model.signature} if card else engine.signatures
        model.codec = codecs.for_model(card, model.signature, Limits.of(config))
        _make_batchers(model, engine, config, ModelMeter(metrics, model.name))
        model.state = READY
        for name, why in model.passed_over.items():
            log.warning("%s does not run on %s: %s", folder.shown, name, why)
    except Exception as error:
        model.reason, model.state = public_reason(error, folder), FAILED


def apply_settings(model: Model, settings: ModelSettings, config: Config) -> None:
    """Apply new settings to the queues of a loaded model."""
    if model.settings == settings:
        return
    model.settings = settings
    for batcher in model.batchers.values():
        batcher.limits = limits(model, config)


def is_unchanged(model: Model, folder: VersionFolder, store: Store) -> bool:
    """Return whether touched or replaced files of a loaded model still have the same content as before.

    Return False for a model without a card, where this is unknown. Raise SuiteError if the card or a file is damaged.
    """
    if model.card is None:
        return False
    store.check_files(folder)
    card = artifact.read_card(folder.path)
    if card is None:
        raise SuiteError(f"{folder.shown}/{artifact.CARD} is missing: restore it")
    artifact.verify(folder.path, card)
    return card == model.card


def public_reason(error: Exception, folder: VersionFolder) -> str:
    """Return why a version cannot be loaded, without the path of the store.

    An unusual folder may make a library raise exceptions that it does not document. They are logged.
    """
    if isinstance(error, SuiteError):
        return _public(str(error), folder)
    log.warning("%s cannot be loaded", folder.shown, exc_info=error)
    return f"it cannot be loaded ({type(error).__name__}): save it again"


def _settling(folder: VersionFolder) -> float:
    """Return how many seconds a version without a card must stay unchanged before it is loaded."""
    return CARD_TO_COME if any((folder.path / name).exists() for name in USED_WITH_CARD) else SETTLED


def _is_settled(model: Model, folder: VersionFolder, seconds: float) -> bool:
    """Return whether nothing has changed for `seconds`, by the files' timestamps or by our own observation.

    Both are checked because the clock of a file server may differ from ours.
    """
    age = time.time() - model_store.last_change(folder.path)
    return age >= seconds or time.monotonic() - model.seen_since >= seconds


def _choose(model: Model, card: Card | None, folder: VersionFolder, config: Config) -> select.Choice:
    """Choose the engine in the model's own settings if it can run the model, else by the service's setting."""
    own = model.settings.engine
    if own:
        try:
            return select.choose(folder.path, card, own, config.engine_threads)
        except SuiteError as error:
            model.complaint = _public(f"{model.name}/{FILE}: 'engine' is \"{own}\", and {error}", folder)
            log.warning("%s", model.complaint)
    return select.choose(folder.path, card, config.engine, config.engine_threads)


def limits(model: Model, config: Config) -> BatchLimits:
    """Return the limits of a model's queue, from its own settings or else from the service's."""
    own = model.settings
    delay = config.max_delay_ms if own.max_delay_ms is None else own.max_delay_ms
    # Only the model's own settings turn on batching if it has no card, as its rows may depend on each other, or if it
    # runs on a light engine, which gains little from batches.
    runs_alone = model.light or model.card is None
    return BatchLimits(
        max_waiting=config.max_waiting if own.max_waiting is None else own.max_waiting,
        max_rows=own.max_batch or (1 if runs_alone else config.max_batch),
        max_inline_rows=own.max_batch or (1 if model.card is None else config.max_batch),
        max_delay=delay / 1000,
    )


def _make_batchers(model: Model, engine: Engine, config: Config, meter: ModelMeter) -> None:
    """Make the queues of all signatures. With a card, measure how long a row takes, for the default signature."""
    model.batcher = Batcher(model.name, engine, limits(model, config), meter)
    if model.card:
        model.batcher.expect(min(_seconds(engine, row) for row in parity.examples(model.card)))
    for name, one in model.signatures.items():
        if one is model.signature:
            model.batchers[name] = model.batcher
        elif not one.complaint:
            model.batchers[name] = Batcher(model.name, engine.for_signature(name), limits(model, config), meter)


def _seconds(engine: Engine, row: Arrays) -> float:
    started_at = time.perf_counter()
    engine.run(row)
    return time.perf_counter() - started_at


def _public(text: str, folder: VersionFolder) -> str:
    return text.replace(os.fspath(folder.path), folder.shown)
