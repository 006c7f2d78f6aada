"""The main job in steps: train, evaluate, save. The command line and the tuner both go through here."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import artifact
from suite.artifact import PROBABILITIES, Card, TensorSpec
from suite.data.dataset import Dataset
from suite.domain import Domain
from suite.report import page
from suite.training import evaluate, export, fit, hyperparameters
from suite.training.data import Prepared
from suite.training.model import build
from suite.training.selection import probabilities

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

CHECKED_ROWS = 256
FRAMEWORKS = ("tensorflow", "keras", "keras-tuner", "numpy", "ai-edge-litert")


@dataclass
class Outcome:
    """A trained and measured network, ready to be saved."""

    domain: Domain
    dataset: Dataset
    prepared: Prepared
    fitted: fit.Fitted
    hp: "HyperParameters"
    seed: int
    metrics: dict[str, dict[str, float]]
    threshold: float | None
    confusion: np.ndarray


def choose(domain: Domain, prepared: Prepared, epochs: int, values: Mapping[str, Any]) -> "HyperParameters":
    """The domain's hyperparameters with these values; UsageError for one that it does not have."""
    return hyperparameters.choose(lambda hp: build(domain, hp, prepared, epochs), values)


def train(
    domain: Domain,
    dataset: Dataset,
    prepared: Prepared,
    hp: "HyperParameters",
    *,
    epochs: int,
    seed: int,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> Outcome:
    """Fit, choose the threshold on validation where the domain has one, and measure on both held-back splits."""
    fitted = fit.fit(domain, hp, prepared, epochs=epochs, seed=seed, callbacks=callbacks)
    answers = {name: probabilities(fitted.model, prepared, name) for name in ("validation", "test")}
    truth = {name: prepared.y[prepared.rows[name]] for name in answers}  # type: ignore[index]
    threshold = None
    if domain.detects:
        threshold = evaluate.best_threshold(truth["validation"], answers["validation"][:, 1])
    metrics = {name: evaluate.evaluate(truth[name], answers[name], threshold) for name in answers}
    confusion = evaluate.confusion(truth["test"], answers["test"], threshold)
    return Outcome(domain, dataset, prepared, fitted, hp, seed, metrics, threshold, confusion)


def save(
    models: Path, name: str, outcome: Outcome, *, command: str, search: dict[str, Any] | None = None
) -> tuple[Path, Card]:
    """Write the next version of NAME, whole or not at all; return its folder and card."""
    dataset, fitted = outcome.dataset, outcome.fitted
    with artifact.new_version(models, name) as (staging, number):
        engines, notes = export.export(
            staging, fitted.model, outcome.prepared.preprocessing, dataset.specs, _checks(outcome)
        )
        card = Card(
            name=name,
            version=number,
            domain=outcome.domain.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            inputs=dataset.specs,
            outputs=[TensorSpec(PROBABILITIES, "float32", (len(dataset.labels),), PROBABILITIES)],
            labels=dataset.labels,
            preprocessing=outcome.prepared.preprocessing,
            frameworks={"python": platform.python_version()} | {package: version(package) for package in FRAMEWORKS},
            data=dataset.source,
            hyperparameters=dict(outcome.hp.values),
            training={
                "epochs": len(fitted.history["loss"]),
                "best_epoch": fitted.best_epoch,
                "seconds": round(fitted.seconds, 1),
                "seed": outcome.seed,
                "command": command,
                "parameters": fitted.model.count_params(),
            },
            metrics=outcome.metrics,
            threshold=outcome.threshold,
            ignored=dataset.ignored,
            notes=[*dataset.notes, *notes],
            engines=engines,
            search=search or {},
        )
        html = page.render(card, fitted.history, outcome.confusion)
        (staging / page.FILE).write_text(html, encoding="utf-8")
        artifact.write_card(staging, card)
    return models / name / str(number), card


def _checks(outcome: Outcome) -> dict[str, np.ndarray]:
    """Real rows, and odd ones: at least 256 where the data has as many."""
    dataset = outcome.dataset
    rows = np.concatenate([dataset.rows[name] for name in ("test", "validation", "train")])[:CHECKED_ROWS]
    odd = outcome.domain.odd(dataset)
    return {name: np.concatenate([values, odd[name]]) for name, values in dataset.take(rows).items()}
