"""Loads one version of a model: verifies it, chooses its engine and tries it."""

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
    why. `batchers` are the queues of its signatures by name; `batcher` and `codec` are those of its default signature.
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
        """image, text or table; empty where no card says so."""
        return self.codec.kind

    @property
    def has_default_signature(self) -> bool:
        """Whether a request in TensorFlow Serving's form may leave out `signature_name`."""
        return len(self.batchers) == 1 or signature.DEFAULT in self.batchers

    def batcher_of(self, name: str) -> Batcher:
        """The queue of a signature; of the default one if the name is empty."""
        batcher = self.batchers.get(name) if name else self.batcher
        assert batcher is not None
        return batcher


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
        model.codec = codecs.for_model(card, model.signature, Limits.of(config))
        _make_batchers(model, engine, config, ModelMeter(metrics, model.name))
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
    for batcher in model.batchers.values():
        batcher.limits = limits(model, config)


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


def limits(model: Model, config: Config) -> BatchLimits:
    """How requests are queued and joined: by the model's own settings, and the service's where it has none."""
    own = model.settings
    delay = config.max_delay_ms if own.max_delay_ms is None else own.max_delay_ms
    # The rows of a model without a card may depend on each other, and a light engine gains little from larger batches,
    # so in both cases only the model's own settings turn batching on.
    runs_alone = model.light or model.card is None
    return BatchLimits(
        max_waiting=config.max_waiting if own.max_waiting is None else own.max_waiting,
        max_rows=own.max_batch or (1 if runs_alone else config.max_batch),
        max_inline_rows=own.max_batch or (1 if model.card is None else config.max_batch),
        max_delay=delay / 1000,
    )


def _make_batchers(model: Model, engine: Engine, config: Config, meter: ModelMeter) -> None:
    """Make the queues of all signatures. If the inputs are known, the default one learns how long a row takes."""
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


def _fail(model: Model, folder: VersionFolder, reason: str) -> None:
    model.reason = _public(reason, folder)
    model.state = FAILED
