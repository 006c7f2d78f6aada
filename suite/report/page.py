"""report.html: one self-contained page about a model, or about two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from suite import task
from suite.artifact import Card
from suite.data.dataset import Dataset
from suite.report import column_drawing, curves, drawing, statistics, stored_predictions, tables
from suite.report.columns import MAX_SHOWN, ColumnRow, Importance
from suite.report.comparison import Comparison, EvaluatedModel
from suite.report.network import Block
from suite.report.search import candidates, importance, options, section, units
from suite.report.statistics import Interval, Predictions

if TYPE_CHECKING:
    from suite.training.thresholds import ErrorCosts

FILE = "report.html"
MAX_TILES, MAX_FIGURES = 4, 8
OWN = "suite.report"


@dataclass(frozen=True)
class ReportData:
    """The data of a report besides the card.

    `history` holds a value for each epoch by metric; `predictions` are those for the test rows. `missed_costs` (N,) is
    what each of these rows costs if it is missed, by `costs`. `runners_up` are titles and blocks of a search's next
    best networks. `columns` are those of a table, with their `importance` if it was measured.
    """

    history: Mapping[str, Sequence[float]]
    dataset: Dataset
    predictions: Predictions
    blocks: Sequence[Block]
    missed_costs: np.ndarray
    costs: "ErrorCosts"
    runners_up: Sequence[tuple[str, Sequence[Block]]] = field(default_factory=list)
    columns: Sequence[ColumnRow] = ()
    importance: Importance | None = None


def render(card: Card, data: ReportData) -> str:
    """The report of one model as HTML."""
    dataset, predictions = data.dataset, data.predictions
    intervals = _intervals(card, dataset, predictions)
    own = task.get(card.task).report(card, data)
    direction = task.get(card.task).direction
    return _render(
        "report.html",
        own.package,
        task=own,
        card=card,
        rows=len(predictions.y),
        bootstrap_seed=statistics.SEED,
        tiles=dict(list(intervals.items())[:MAX_TILES]),
        metrics=tables.metrics(card.metrics, intervals),
        splits=list(dataset.rows),
        learning=curves.learning(data.history, card.training["objective"], card.training["best_epoch"], direction),
        weights=curves.describe_epoch(data.history, card.training["objective"], card.training["best_epoch"], direction),
        columns=data.columns,
        measured=data.importance,
        most_columns=MAX_SHOWN,
        drawing=drawing.draw(data.blocks) if drawing.fits_page(data.blocks) else None,
        column_drawing=column_drawing.draw(data.blocks),
        found=section.section(card.search, data.blocks, data.runners_up),
        min_trials=importance.MIN_TRIALS,
        max_trials=section.MAX_TRIALS,
        max_bars=section.MAX_BARS,
        min_networks=candidates.MIN_NETWORKS,
        max_rows=options.MAX_ROWS,
        quantity=units.format_quantity,
        **own.content,
    )


def _intervals(card: Card, dataset: Dataset, predictions: Predictions) -> dict[str, Interval]:
    """The same intervals as those of `suite report`, which draws from the stored predictions."""
    rows = stored_predictions.collect(dataset, predictions.outputs).sorted()
    ordered = Predictions(rows.y, rows.outputs, predictions.threshold)
    return statistics.bootstrap(task.get(card.task).headline_metrics(ordered), ordered)


def render_comparison(comparison: Comparison) -> str:
    """The comparison of two models on the same rows as HTML."""
    first, second = (model.card.hyperparameters for model in (comparison.first, comparison.second))
    differing = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    return _render(
        "comparison.html",
        OWN,
        comparison=comparison,
        rows=len(comparison.first.keys),
        differing=differing,
        lower=" or ".join(name for name in comparison.metrics if comparison.first.task.direction(name) < 0),
    )


def render_summary(model: EvaluatedModel) -> str:
    """The figures and curves of a saved model as HTML, drawn from its stored predictions: for a notebook."""
    card, predictions, training = model.card, model.predictions, model.card.training
    # Versions of an earlier suite have no history in their cards.
    learning = (
        curves.learning(training["history"], training["objective"], training["best_epoch"], model.task.direction)
        if "loss" in training.get("history", {})
        else []
    )
    return _render(
        "summary.html",
        OWN,
        card=card,
        rows=len(predictions.y),
        learning=learning,
        metrics=tables.metrics(card.metrics, model.intervals()),
        charts_of_task=model.task.charts(card, predictions),
    )


def _render(name: str, package: str, **content: Any) -> str:
    """The page of a template of ours; its parts may also be templates of another package."""
    loader = ChoiceLoader([PackageLoader(one) for one in dict.fromkeys((OWN, package))])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["figure"] = _format_figure
    environment.filters["percent"] = _format_percent
    return str(environment.get_template(name).render(content))


def _format_figure(value: float | list[float] | None) -> str:
    """A number, or each of several, with four decimals; empty if there is none."""
    if isinstance(value, list):
        return ", ".join(map(_format_figure, value[:MAX_FIGURES])) + (", ..." if len(value) > MAX_FIGURES else "")
    return "" if value is None or np.isnan(value) else f"{value:.4f}"


def _format_percent(value: float) -> str:
    return f"{value:.1%}"
