"""The main job in steps: train, evaluate, save. The command line and the tuner both go through here."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import artifact
from suite.artifact import PROBABILITIES, Card, TensorSpec
from suite.data.dataset import Dataset, SplitName
from suite.domain import Domain
from suite.errors import UsageError, unknown
from suite.report import environment, held_back, network, page
from suite.report.statistics import Answers
from suite.training import calibration, evaluate, export, fit, hyperparameters, precision, thresholds
from suite.training.data import Prepared, prepare
from suite.training.model import build
from suite.training.selection import Predictor

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

CHECKED_ROWS = 256
# Enough rows to tell a unit that is dead from one that rarely answers; fewer where the network makes so many values of
# each that it would take more than about a second, and in batches that fit in memory.
WATCHED_ROWS, FEWEST_WATCHED = 512, 32
WATCHED_VALUES, WATCHED_AT_ONCE = 200_000_000, 20_000_000
HELD_BACK: tuple[SplitName, ...] = ("validation", "test")
F1 = thresholds.Rule()
FRAMEWORKS = ("tensorflow", "keras", "keras-tuner", "numpy", "ai-edge-litert")


@dataclass
class Outcome:
    """A trained and measured network, ready to be saved; `answers` float32 (N, K) are those to the test rows."""

    domain: Domain
    dataset: Dataset
    prepared: Prepared
    fitted: fit.Fitted
    hp: "HyperParameters"
    settings: fit.Settings
    metrics: dict[str, dict[str, float]]
    threshold: float | None
    rule: thresholds.Rule
    temperature: float
    answers: np.ndarray
    notes: list[str]


def choose(domain: Domain, prepared: Prepared, epochs: int, values: Mapping[str, Any]) -> "HyperParameters":
    """The domain's hyperparameters with these values; UsageError for one that it does not have."""
    return hyperparameters.choose(lambda hp: build(domain, hp, prepared, epochs), values)


def train(
    domain: Domain,
    dataset: Dataset,
    prepared: Prepared,
    hp: "HyperParameters",
    settings: fit.Settings,
    *,
    rule: thresholds.Rule = F1,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    resumable: fit.Resumable | None = None,
) -> Outcome:
    """Fit; on validation calibrate and choose the threshold where the domain has one; measure both held-back splits."""
    fitted = fit.fit(domain, hp, prepared, settings, callbacks=callbacks, resumable=resumable)
    truth = {name: prepared.y[prepared.rows[name]] for name in HELD_BACK}
    predict = Predictor(fitted.model, prepared)
    temperature = calibration.temperature(truth["validation"], predict("validation"))
    fitted.model.get_layer(PROBABILITIES).temperature.assign(temperature)
    answers = {name: predict(name) for name in HELD_BACK}
    threshold = None
    notes = calibration.at_its_bound(temperature)
    if domain.detects:
        amounts = _amounts(dataset, rule, prepared.rows["validation"])
        validation = truth["validation"], answers["validation"][:, 1]
        threshold = thresholds.choose(rule, *validation, amounts)
        notes += _negative_amounts(dataset, rule) + thresholds.shortfall(rule, *validation, threshold)
    metrics: dict[str, dict[str, float]] = {
        name: evaluate.evaluate(truth[name], answers[name], threshold) for name in HELD_BACK
    }
    return Outcome(
        domain, dataset, prepared, fitted, hp, settings, metrics, threshold, rule, temperature, answers["test"], notes
    )


def retrain(outcome: Outcome, callbacks: "Sequence[keras.callbacks.Callback]" = ()) -> Outcome:
    """The same network trained anew on the training and the validation rows together, for as many epochs.

    What was chosen on validation stays: the epoch, the temperature, the threshold. So do the validation figures.
    """
    domain, dataset, settings = outcome.domain, outcome.dataset, outcome.settings
    known = np.sort(np.concatenate([dataset.rows["train"], dataset.rows["validation"]]))
    prepared = prepare(domain, replace(dataset, rows={**dataset.rows, "train": known}))
    best = outcome.fitted.best_epoch
    fitted = fit.fit(
        domain, outcome.hp, prepared, replace(settings, to_the_end=True), callbacks=callbacks, until=best
    )  # fmt: skip
    fitted.model.get_layer(PROBABILITIES).temperature.assign(outcome.temperature)
    answers = Predictor(fitted.model, prepared)("test")
    test = evaluate.evaluate(prepared.y[prepared.rows["test"]], answers, outcome.threshold)
    return replace(
        outcome,
        prepared=prepared,
        fitted=replace(outcome.fitted, model=fitted.model, seconds=outcome.fitted.seconds + fitted.seconds),
        metrics={**outcome.metrics, "test": test},
        answers=answers,
        notes=[
            *outcome.notes,
            f"Trained anew on the {len(known):,} rows for training and validation together, for {best} epochs; the "
            "validation figures are those of the network before that.",
        ],
    )


def check_rule(domain: Domain, dataset: Dataset, rule: thresholds.Rule) -> None:
    """UsageError where the rule means nothing to this domain, or its cost column is not in the data."""
    if not domain.detects:
        if rule != F1:
            raise UsageError(f"{domain.name} has no threshold: it answers with the likeliest class")
        return
    thresholds.check(rule)
    _amounts(dataset, rule, dataset.rows["validation"])


def _amounts(dataset: Dataset, rule: thresholds.Rule, rows: np.ndarray) -> np.ndarray | None:
    """What a missed case costs in each of these rows, where a column says so, whatever its sign; a missing value costs
    the mean."""
    column = rule.costs.column if rule.costs else None
    if column is None:
        return None
    numeric = [spec.name for spec in dataset.specs if spec.kind == "numeric"]
    if column not in numeric:
        raise unknown("numeric column", column, numeric)
    values = np.abs(dataset.inputs[column][rows].astype(np.float64))
    return np.asarray(np.where(np.isnan(values), np.nanmean(values), values))


def _negative_amounts(dataset: Dataset, rule: thresholds.Rule) -> list[str]:
    """A note on negative values in the cost column, if there are any: refunds, say."""
    column = rule.costs.column if rule.costs else None
    negative = 0 if column is None else int((dataset.inputs[column] < 0).sum())
    if not negative:
        return []
    return [f"{negative:,} of {len(dataset.y):,} values in '{column}' are negative: each costs as if it were positive."]


def save(
    models: Path,
    name: str,
    outcome: Outcome,
    *,
    command: str,
    search: dict[str, Any] | None = None,
    runners_up: Sequence[tuple[str, Sequence[network.Block]]] = (),
    folds: dict[str, Any] | None = None,
    onnx: bool = False,
) -> tuple[Path, Card]:
    """Write the next version of NAME, whole or not at all, with an ONNX file if wanted; return its folder and card.

    `runners_up` are titles and drawings of the networks that came next in a search.
    """
    dataset, fitted = outcome.dataset, outcome.fitted
    with artifact.new_version(models, name) as (staging, number):
        engines, notes = export.export(
            staging, fitted.model, outcome.prepared.preprocessing, dataset.specs, _checks(outcome),
            ("litert", "onnx") if onnx else ("litert",),
        )  # fmt: skip
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
                "seed": outcome.settings.seed,
                "objective": outcome.settings.objective,
                "precision": precision.choose(outcome.hp),
                "temperature": round(outcome.temperature, 4),
                "threshold": str(outcome.rule) if outcome.domain.detects else None,
                "command": command,
                "parameters": fitted.model.count_params(),
                "cross_validation": folds or {},
                "machine": environment.machine(),
                **_dead_units(outcome),
            },
            metrics=outcome.metrics,
            threshold=outcome.threshold,
            ignored=dataset.ignored,
            notes=[*dataset.notes, *outcome.notes, *notes],
            engines=engines,
            search=search or {},
        )
        held_back.write(staging, held_back.collect(dataset, outcome.answers))
        (staging / page.FILE).write_text(
            page.render(card, _material(outcome, runners_up)), encoding="utf-8", errors="replace"
        )
        artifact.write_card(staging, card)
    return models / name / str(number), card


def _dead_units(outcome: Outcome) -> dict[str, Any]:
    """Shares of dead units by layer, from some of the validation rows, and how many those were."""
    from suite.training.dead_units import dead_units

    prepared = outcome.prepared
    model = outcome.fitted.model
    row = sum(int(np.prod([size or 1 for size in layer.output.shape[1:]])) for layer in model.layers)
    most = int(np.clip(WATCHED_VALUES // row, FEWEST_WATCHED, WATCHED_ROWS))
    batch = int(np.clip(WATCHED_AT_ONCE // row, 1, WATCHED_ROWS))
    rows = prepared.rows["validation"]
    rows = rows[:: max(1, len(rows) // most)][:most]
    batches = (
        {key: values[rows[start : start + batch]] for key, values in prepared.core.items()}
        for start in range(0, len(rows), batch)
    )
    return {"dead_units": dead_units(model, batches), "dead_units_rows": len(rows)}


def _material(outcome: Outcome, runners_up: Sequence[tuple[str, Sequence[network.Block]]]) -> page.Material:
    dataset = outcome.dataset
    rows = dataset.rows["test"]
    costs = outcome.rule.costs or thresholds.Costs()
    amounts = _amounts(dataset, outcome.rule, rows)
    return page.Material(
        history=outcome.fitted.history,
        dataset=dataset,
        answers=Answers(dataset.y[rows], outcome.answers, outcome.threshold),
        blocks=network.blocks(outcome.fitted.model),
        missed=np.full(len(rows), costs.false_negative) if amounts is None else amounts,
        costs=costs,
        runners_up=runners_up,
    )


def _checks(outcome: Outcome) -> dict[str, np.ndarray]:
    """Real rows, and odd ones: at least 256 where the data has as many."""
    dataset = outcome.dataset
    rows = np.concatenate([dataset.rows[name] for name in ("test", "validation", "train")])[:CHECKED_ROWS]
    odd = outcome.domain.odd(dataset)
    return {name: np.concatenate([values, odd[name]]) for name, values in dataset.take(rows).items()}
