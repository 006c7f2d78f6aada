"""report.html: one self-contained page about one version of a model, or about two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from suite.artifact import Card
from suite.data.dataset import Dataset
from suite.report import curves, drawing, importance, mistakes, search, statistics, tables, units
from suite.report.comparison import Comparison
from suite.report.network import Block
from suite.report.statistics import Answers

if TYPE_CHECKING:
    from suite.training.thresholds import Costs

FILE = "report.html"
TILES = 4


@dataclass(frozen=True)
class Material:
    """What a page shows beside the card.

    `history` holds a value an epoch by metric, `answers` are those to the test rows. `missed` (N,) is what each of
    these rows costs by `costs` if it is missed. `runners_up` are titles and blocks of the networks that came next in a
    search.
    """

    history: Mapping[str, Sequence[float]]
    dataset: Dataset
    answers: Answers
    blocks: Sequence[Block]
    missed: np.ndarray
    costs: "Costs"
    runners_up: Sequence[tuple[str, Sequence[Block]]] = field(default_factory=list)


def render(card: Card, material: Material) -> str:
    """The page of one model."""
    dataset, answers = material.dataset, material.answers
    intervals = statistics.bootstrap(statistics.headline(answers), answers)
    confusion = statistics.confusion(answers).astype(np.int64)
    classes = tables.classes(dataset, confusion)
    return _render(
        "report.html",
        card=card,
        rows=len(answers.y),
        tiles=dict(list(intervals.items())[:TILES]),
        metrics=tables.metrics(card.metrics, intervals),
        balance=classes,
        splits=list(dataset.rows),
        learning=curves.learning(material.history, card.training["objective"], card.training["best_epoch"]),
        classes=classes,
        matrix=tables.matrix(confusion),
        heat_map=tables.heat_map(card.labels, confusion),
        confused=tables.confused(card.labels, confusion) if len(card.labels) > 2 else [],
        ranking=curves.ranking(answers, card.labels),
        calibration=curves.calibration(answers, card.labels),
        thresholds=_thresholds(material),
        cost=curves.cost(answers, material.missed, material.costs.false_positive) if len(card.labels) == 2 else None,
        costs=_costs(material.costs),
        mistakes=mistakes.worst(dataset, answers, card.preprocessing),
        wrong=int((answers.predicted != answers.y).sum()),
        drawing=drawing.draw(material.blocks),
        found=search.section(card.search, material.blocks, material.runners_up),
        fewest=importance.FEWEST,
        most_trials=search.MOST_TRIALS,
        most_bars=search.MOST_BARS,
        quantity=units.written,
    )


def _thresholds(material: Material) -> list[Any]:
    if material.answers.probabilities.shape[1] == 2:
        return curves.thresholds(material.answers, material.missed, material.costs.false_positive)
    return curves.abstention(material.answers)


def _costs(costs: "Costs") -> str:
    missed = f"what its row has in {costs.column}" if costs.column else f"{costs.false_negative:g}"
    return f"a missed case costs {missed} and a false alarm {costs.false_positive:g}"


def render_comparison(comparison: Comparison) -> str:
    """The page of two models that answered the same rows."""
    first, second = (model.card.hyperparameters for model in (comparison.first, comparison.second))
    differing = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    return _render("comparison.html", comparison=comparison, rows=len(comparison.first.keys), differing=differing)


def _render(name: str, **content: Any) -> str:
    environment = Environment(
        loader=PackageLoader("suite.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = _figure
    environment.filters["percent"] = _percent
    return str(environment.get_template(name).render(content))


def _figure(value: float | None) -> str:
    """Four decimals; nothing where there is no value."""
    return "" if value is None or np.isnan(value) else f"{value:.4f}"


def _percent(value: float) -> str:
    return f"{value:.1%}"
