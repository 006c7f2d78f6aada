"""The main job in steps: train, evaluate, save. The command line and the tuner both use it."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import artifact
from suite import task as tasks
from suite.artifact import Card, Threshold
from suite.data import row_keys
from suite.data.dataset import Dataset, SplitName
from suite.domain import Domain
from suite.errors import UsageError
from suite.report import columns, environment, network, page, repeat, statistics, stored_predictions
from suite.report.columns import Importance
from suite.report.statistics import Predictions
from suite.task import Calibration, Settled
from suite.training import (
    cost_column,
    dead_units,
    export,
    fit,
    hyperparameters,
    member_metrics,
    precision,
    thresholds,
)
from suite.training.data import PreparedData, prepare
from suite.training.model import build
from suite.training.predictor import Predictor

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

PARITY_ROWS = 256
EVALUATED_SPLITS: tuple[SplitName, ...] = ("validation", "test")
DEFAULT_RULE = thresholds.ThresholdRule()
FRAMEWORKS = ("tensorflow", "keras", "keras-tuner", "numpy", "ai-edge-litert")


@dataclass
class TrainedModel:
    """A trained and evaluated network, ready to be saved.

    `test_outputs` are float32 (N, K), for the rows of the test split. `members` are validation metrics of base models
    alone, see suite.training.member_metrics.
    """

    domain: Domain
    dataset: Dataset
    prepared: PreparedData
    fitted: fit.FitResult
    hp: "HyperParameters"
    settings: fit.TrainingSettings
    metrics: dict[str, dict[str, float]]
    settled: Settled
    rule: thresholds.ThresholdRule
    test_outputs: np.ndarray
    notes: list[str]
    members: dict[str, dict[str, float]]

    @property
    def threshold(self) -> Threshold | None:
        """The threshold that was settled, or one for each label; None where there is none."""
        return self.settled.threshold

    @property
    def retrained(self) -> bool:
        """Whether the network was trained on training and validation rows together in the end."""
        return len(self.prepared.rows["train"]) > len(self.dataset.rows["train"])


def resolve_hyperparameters(
    domain: Domain, prepared: PreparedData, epochs: int, values: Mapping[str, Any]
) -> "HyperParameters":
    """The domain's hyperparameters with these values; UsageError for a name or a value that it does not have."""
    return hyperparameters.resolve(lambda hp: build(domain, hp, prepared, epochs), values)


def check_rule(domain: Domain, dataset: Dataset, rule: thresholds.ThresholdRule) -> None:
    """UsageError if the task has no threshold to choose, or if the rule's cost column is not in the data."""
    task = tasks.get(domain.task_of(dataset))
    if not task.has_threshold:
        if rule != DEFAULT_RULE:
            raise UsageError(f"{domain.name} has no threshold: it answers with {task.answers_with}")
        return
    thresholds.check_rule(rule)
    cost_column.amounts(dataset, rule, dataset.rows["validation"])


def train(
    domain: Domain,
    dataset: Dataset,
    prepared: PreparedData,
    hp: "HyperParameters",
    settings: fit.TrainingSettings,
    *,
    rule: thresholds.ThresholdRule = DEFAULT_RULE,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    checkpoint: fit.CheckpointOptions | None = None,
    max_seconds: float | None = None,
) -> TrainedModel:
    """Fit the network; calibrate it and choose a threshold on the validation rows; evaluate it on both other splits.

    Only a task with a threshold gets one. The training takes at most about `max_seconds`.
    """
    fitted = fit.fit(
        domain, hp, prepared, settings, callbacks=callbacks, checkpoint=checkpoint, max_seconds=max_seconds
    )  # fmt: skip
    task, truth = prepared.task, {name: prepared.y[prepared.rows[name]] for name in EVALUATED_SPLITS}
    predict = Predictor(fitted.model, prepared)

    def give(calibration: Calibration) -> np.ndarray:
        task.calibrate(fitted.model, calibration)
        return predict("validation")

    settled = task.settle(dataset, truth["validation"], rule, predict("validation"), give)
    outputs = {name: predict(name) for name in EVALUATED_SPLITS}
    metrics: dict[str, dict[str, float]] = {
        name: task.evaluate(truth[name], outputs[name], settled.threshold) for name in EVALUATED_SPLITS
    }
    notes = [*_unfinished_notes(fitted, hp), *settled.notes]
    return TrainedModel(
        domain, dataset, prepared, fitted, hp, settings, metrics, settled, rule, outputs["test"], notes,
        _member_metrics(prepared, hp, settings, metrics["validation"]),
    )  # fmt: skip


def _member_metrics(
    prepared: PreparedData, hp: "HyperParameters", settings: fit.TrainingSettings, whole: dict[str, float]
) -> dict[str, dict[str, float]]:
    """The objective and the loss of base models alone; empty where the network corrects none."""
    members = str(hp.values.get("members", "")).split("+")
    names = dict.fromkeys((settings.objective, prepared.task.loss_metric or prepared.task.criterion))
    return member_metrics.on_validation_rows(prepared, members, list(names), whole)


def _unfinished_notes(fitted: fit.FitResult, hp: "HyperParameters") -> list[str]:
    """A note if the training ended while it still improved; else none."""
    epochs = len(fitted.history["loss"])
    if fitted.out_of_time:
        return [f"The training ended after {epochs} epochs, when its time was up: give it more --time."]
    # A schedule that decays to nothing nearly always ends with its best epoch.
    if fitted.best_epoch == epochs > 1 and hp.get("training/schedule") == "constant":
        return [f"Validation still improved in the last of {epochs} epochs: allow more --epochs."]
    return []


def known_rows(dataset: Dataset) -> np.ndarray:
    """The rows for training and for validation together, ascending."""
    return np.sort(np.concatenate([dataset.rows["train"], dataset.rows["validation"]]))


def retraining_seconds(trained: TrainedModel) -> float:
    """About how long `retrain` will take."""
    fitted, rows = trained.fitted, trained.dataset.rows
    growth = len(known_rows(trained.dataset)) / len(rows["train"])
    return fitted.seconds / len(fitted.history["loss"]) * fitted.best_epoch * growth


def retrain(trained: TrainedModel, callbacks: "Sequence[keras.callbacks.Callback]" = ()) -> TrainedModel:
    """Train the same network again on the training and validation rows together, up to the best epoch.

    The choices made on validation rows stay: epoch, calibration and threshold. So do the validation metrics.
    """
    domain, dataset, settings = trained.domain, trained.dataset, trained.settings
    known = known_rows(dataset)
    prepared = prepare(domain, replace(dataset, rows={**dataset.rows, "train": known}))
    best = trained.fitted.best_epoch
    fitted = fit.fit(
        domain, trained.hp, prepared, replace(settings, to_the_end=True), callbacks=callbacks, target_epoch=best
    )  # fmt: skip
    prepared.task.calibrate(fitted.model, trained.settled.calibration)
    outputs = Predictor(fitted.model, prepared)("test")
    test = prepared.task.evaluate(prepared.y[prepared.rows["test"]], outputs, trained.threshold)
    return replace(
        trained,
        prepared=prepared,
        fitted=replace(trained.fitted, model=fitted.model, seconds=trained.fitted.seconds + fitted.seconds),
        metrics={**trained.metrics, "test": test},
        test_outputs=outputs,
        notes=[
            *trained.notes,
            f"Trained anew on the {len(known):,} rows for training and validation together, for {best} epochs; the "
            "validation figures are those of the network before that.",
        ],
    )


def save(
    models: Path,
    name: str,
    trained: TrainedModel,
    *,
    command: str,
    varies: str = "",
    search: dict[str, Any] | None = None,
    runners_up: Sequence[tuple[str, Sequence[network.Block]]] = (),
    folds: dict[str, Any] | None = None,
    onnx: bool = False,
) -> tuple[Path, Card]:
    """Write the next version of NAME, whole or not at all; return its folder and card.

    `varies` says why the command may end with another network. `search` and `folds` are records for the card.
    `runners_up` are titles and blocks of a search's next best networks. `onnx` adds an ONNX file.
    """
    with artifact.new_version(models, name) as (staging, number):
        engines, notes = export.export(
            staging, trained.fitted.model, trained.prepared.preprocessing, trained.dataset.specs,
            _parity_inputs(trained), ("litert", "onnx") if onnx else ("litert",),
            trained.prepared.task.parity_scale(trained.prepared.target),
        )  # fmt: skip
        card = _card(trained, name, number)
        again = _network_command(trained, models / name / str(number) / artifact.CARD) if search else ""
        commands = {"command": command, "varies": varies, "network_command": again}
        card.training = _training_record(trained, folds or {}) | commands
        card.engines, card.search = engines, search or {}
        card.notes += notes
        stored_predictions.write(staging, stored_predictions.collect(trained.dataset, trained.test_outputs))
        row_keys.write_trained(staging, trained.dataset)
        data = _report_data(trained, runners_up)
        card.training |= columns.to_json(data.columns, data.importance)
        html = page.render(card, data)
        (staging / page.FILE).write_text(html, encoding="utf-8", errors="replace")
        artifact.write_card(staging, card)
    return models / name / str(number), card


def _card(trained: TrainedModel, name: str, number: int) -> Card:
    """The card of a version, without what export, search and training add."""
    dataset = trained.dataset
    return Card(
        name=name,
        version=number,
        domain=trained.domain.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=dataset.specs,
        outputs=trained.prepared.task.outputs(dataset),
        labels=dataset.labels,
        preprocessing=trained.prepared.preprocessing,
        frameworks={"python": platform.python_version()} | {package: version(package) for package in FRAMEWORKS},
        data=dataset.source,
        hyperparameters=dict(trained.hp.values),
        metrics=trained.metrics,
        task=trained.prepared.task.name,
        target=trained.prepared.target,
        threshold=trained.threshold,
        ignored=dataset.ignored,
        notes=[*dataset.notes, *trained.notes],
    )


def _network_command(trained: TrainedModel, card: Path) -> str:
    """The command that trains the network of this card again."""
    rule = trained.rule if trained.prepared.task.has_threshold else None
    return repeat.fit_command(
        trained.domain.name, trained.dataset.source, trained.settings, rule, card, trained.retrained
    )  # fmt: skip


def _training_record(trained: TrainedModel, folds: dict[str, Any]) -> dict[str, Any]:
    """The card's `training`, without the commands that repeat it."""
    fitted, settings = trained.fitted, trained.settings
    shares, rows = dead_units.on_validation_rows(fitted.model, trained.prepared)
    return {
        "epochs": len(fitted.history["loss"]),
        "best_epoch": fitted.best_epoch,
        "history": _history(fitted),
        "seconds": round(fitted.seconds, 1),
        "seed": settings.seed,
        "objective": settings.objective,
        "precision": precision.choose(trained.hp),
        **{name: round(value, 4) for name, value in trained.settled.calibration.items()},
        "threshold": str(trained.rule) if trained.prepared.task.has_threshold else None,
        "retrained": trained.retrained,
        "parameters": fitted.model.count_params(),
        "cross_validation": folds,
        "machine": environment.machine(),
        "members": trained.members,
        "dead_units": shares,
        "dead_units_rows": rows,
    }


def _history(fitted: fit.FitResult) -> dict[str, list[float]]:
    """Each metric after each epoch, in the digits that a curve needs; without metrics that are undefined somewhere."""
    return {
        name: [float(f"{value:.5g}") for value in values]
        for name, values in fitted.history.items()
        if np.isfinite(values).all()
    }


def _report_data(trained: TrainedModel, runners_up: Sequence[tuple[str, Sequence[network.Block]]]) -> page.ReportData:
    dataset = trained.dataset
    rows = dataset.rows["test"]
    costs = trained.rule.costs or thresholds.ErrorCosts()
    amounts = cost_column.amounts(dataset, trained.rule, rows)
    importance = _importance(trained) if trained.domain.kind == "table" else None
    return page.ReportData(
        history=trained.fitted.history,
        dataset=dataset,
        predictions=Predictions(dataset.y[rows], trained.test_outputs, trained.threshold),
        blocks=network.blocks(trained.fitted.model),
        missed_costs=np.full(len(rows), costs.false_negative) if amounts is None else amounts,
        costs=costs,
        runners_up=runners_up,
        importance=importance,
        columns=columns.column_rows(dataset, importance) if trained.domain.kind == "table" else [],
    )


def _importance(trained: TrainedModel) -> Importance | None:
    """How much the network relies on each column, on test rows."""
    from suite.training.permutation import ColumnExchange

    dataset = trained.dataset
    exchange = ColumnExchange(trained.fitted.model, trained.prepared, dataset, "test")
    unchanged = Predictions(dataset.y[exchange.sample.rows], exchange.unchanged(), trained.threshold)
    return columns.measure(
        trained.prepared.task,
        trained.settings.objective,
        unchanged,
        exchange.sample.weights,
        exchange.exchanged(statistics.SEED),
    )


def _parity_inputs(trained: TrainedModel) -> dict[str, np.ndarray]:
    """Raw inputs on which engines are compared: 256 real rows, or all if there are fewer, and edge cases."""
    dataset = trained.dataset
    rows = np.concatenate([dataset.rows[name] for name in ("test", "validation", "train")])[:PARITY_ROWS]
    edge_cases = trained.domain.edge_cases(dataset)
    return {name: np.concatenate([values, edge_cases[name]]) for name, values in dataset.take(rows).items()}
