"""One version of a model: verified, loaded, tried."""

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
# Without a card nothing tells whether all files of a version are there, but that nothing changes for so many seconds;
# for more where there are files that are of use with a card only, which is the last to come then.
SETTLED, CARD_TO_COME = 3.0, 5.0
WITH_CARD = ("model.tflite", "model.onnx", "model.keras", "report.html")
COPIED = "its files are being copied: without a card it is taken up once nothing has changed for {:g} seconds"

log = logging.getLogger(__name__)


@dataclass
class Model:
    """One version of a model; `state` is loading, ready or failed, and then `reason` says why.

    `stamp` tells what its files are like, as they are since `seen_since` (of `monotonic`) or before. `measured` is the
    milliseconds of an answer by engine, where it could be run on several; `passed_over` says why other engines were not
    taken. `settings` are its own, `complaint` says what of them does not hold. Where its files were changed and those
    of now cannot be taken, `files_complaint` says why. `lanes` are the queues of its signatures by name, `lane` that of
    the signature which is asked where none is named.
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
        """Whether a request of TensorFlow Serving's kind may leave out which signature it asks."""
        return len(self.lanes) == 1 or signature.DEFAULT in self.lanes

    def lane_of(self, name: str) -> Lane:
        """The queue of a signature; of the one that is asked where none is named for an empty name."""
        lane = self.lanes.get(name) if name else self.lane
        assert lane
        return lane


def load(model: Model, folder: VersionFolder, store: Store, config: Config, metrics: Metrics) -> None:
    """Make a model ready, or failed with the reason; the service goes on either way."""
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
            # While it was being loaded, which takes seconds, the card came.
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
        # A folder that somebody else wrote may break a reader in ways it does not name; the others still serve.
        log.warning("%s cannot be loaded", folder.shown, exc_info=error)
        _fail(model, folder, f"it cannot be loaded ({type(error).__name__}): save it again")


def adopt(model: Model, settings: ModelSettings, config: Config) -> None:
    """Have the queues of a loaded model go by other settings from now on."""
    if model.settings == settings:
        return
    model.settings = settings
    for lane in model.lanes.values():
        lane.limit(**_limits(model, config))


def is_unchanged(model: Model, folder: VersionFolder, store: Store) -> bool:
    """Whether a loaded model's files hold what they held, though they were touched or replaced by others.

    A card tells; without one that is not known. SuiteError where the card or its files are damaged.
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
    """What an error about a version says, without where the store lies."""
    return _public(str(error), folder)


def _settling(folder: VersionFolder) -> float:
    """For how many seconds nothing has to change in a version without a card."""
    return CARD_TO_COME if any((folder.path / name).exists() for name in WITH_CARD) else SETTLED


def _is_settled(model: Model, folder: VersionFolder, seconds: float) -> bool:
    """Whether nothing has changed for so long, by the clock of the files or by what was seen.

    The clock of a file server may be another than ours.
    """
    age = time.time() - model_store.last_change(folder.path)
    return age >= seconds or time.monotonic() - model.seen_since >= seconds


def _choose(model: Model, card: Card | None, folder: VersionFolder, config: Config) -> select.Choice:
    """The model on the engine of its own settings if it runs there, else on the service's."""
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
    """Up to how many rows of several requests run together, how long they wait for one another, and how many may."""

    max_batch: int
    max_delay_ms: int
    max_waiting: int


def batching(model: Model, config: Config) -> Batching:
    """The model's own settings, and the service's where it has none."""
    own = model.settings
    # Rows of a model without a card may depend on one another, and waiting for one another gains a light engine little:
    # both have to be asked for.
    alone = model.light or model.card is None
    return Batching(
        own.max_batch or (1 if alone else config.max_batch),
        config.max_delay_ms if own.max_delay_ms is None else own.max_delay_ms,
        config.max_waiting if own.max_waiting is None else own.max_waiting,
    )


def _limits(model: Model, config: Config) -> dict[str, Any]:
    """What a lane is told."""
    own, together = model.settings, batching(model, config)
    return {
        # Several batches that gather would take one another's rows away.
        "at_once": cores() if model.light and together.max_batch == 1 else 1,
        # Where each of them holds a thread, the rest is for other models.
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
