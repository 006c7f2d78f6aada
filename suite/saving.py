"""Saving of a trained network: the engines, the card, the report and what comparisons need."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from suite import artifact
from suite.artifact import Card
from suite.data import row_keys
from suite.report import columns, environment, network, page, repeat, statistics, stored_predictions
from suite.report.columns import Importance
from suite.report.statistics import Predictions
from suite.trained_model import TrainedModel
from suite.training import cost_column, dead_units, export, fit, precision, thresholds

PARITY_ROWS = 256
FRAMEWORKS = ("tensorflow", "keras", "keras-tuner", "numpy", "ai-edge-litert")


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
