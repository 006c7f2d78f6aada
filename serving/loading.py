"""One version of a model: verified, loaded, tried."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from serving import engines, signature
from serving.codec import answers
from serving.config import Config, cores
from serving.lanes import Lane
from serving.metrics import LaneMeter, Metrics
from serving.signature import Signature
from serving.store import Store
from suite import artifact
from suite.artifact import Card
from suite.errors import SuiteError

LOADING, READY, FAILED = "loading", "ready", "failed"

log = logging.getLogger(__name__)


@dataclass
class Model:
    """One version of a model; `state` is loading, ready or failed, then `reason` says why.

    `stamp` tells what its files were like when it was tried.
    """

    name: str
    version: int
    stamp: tuple[int, ...] = ()
    state: str = LOADING
    reason: str = ""
    card: Card | None = None
    engine: str = ""
    signature: Signature = field(default_factory=lambda: Signature({}, {}))
    lane: Lane | None = field(default=None, repr=False)
    write: Callable[[answers.Outputs], str] | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """image, text or table; empty where no card says so."""
        return self.card.preprocessing["kind"] if self.card else ""


def load(model: Model, store: Store, config: Config, metrics: Metrics) -> None:
    """Make a model ready, or failed with the reason; the service goes on either way."""
    folder = store.path(model.name, model.version)
    try:
        store.check_links(folder)
        card = artifact.read_card(folder)
        if card:
            artifact.verify(folder, card)
            model.write = answers.classifier(card)
        engine = engines.load(folder, card, config.engine, config.engine_threads)
        model.card, model.engine = card, engine.name
        model.signature = signature.of_card(card) if card else engine.signature
        model.lane = Lane(
            model.name, engine, at_once=cores() if engine.light else 1, most_waiting=config.max_waiting,
            max_batch=1 if engine.light else config.max_batch, max_delay=config.max_delay_ms / 1000,
            meter=LaneMeter(metrics, model.name),
        )  # fmt: skip
        model.state = READY
    except SuiteError as error:
        _fail(model, store, str(error), error)
    except Exception as error:
        # A folder that somebody else wrote may break a reader in ways it does not name; the others still serve.
        _fail(model, store, f"it cannot be loaded ({type(error).__name__}): save it again", error)


def _fail(model: Model, store: Store, reason: str, error: Exception) -> None:
    # Where the store lies is the operator's business.
    model.reason = reason.replace(f"{store.folder}{os.sep}", "")
    model.state = FAILED
    log.warning("%s/%d is not served: %s", model.name, model.version, reason, exc_info=error)
