"""The sections of a report of a model that answers with a number."""

import numpy as np
from markupsafe import Markup

from suite.artifact import Card
from suite.data.dataset import Dataset
from suite.report import mistakes, number_statistics, statistics
from suite.report.page import ReportData
from suite.report.plots import Chart
from suite.report.statistics import Predictions
from suite.task import ReportSections

TITLES = {"errors": "Errors", "intervals": "Intervals", "mistakes": "Largest errors"}
MAX_POINTS, BINS, WIDTHS = 400, 24, 5
QUANTILES = {"least": 0.0, "first quarter": 0.25, "median": 0.5, "third quarter": 0.75, "greatest": 1.0}


def sections(card: Card, data: ReportData) -> ReportSections:
    """Errors, intervals and the largest errors on the test rows."""
    dataset, predictions = data.dataset, data.predictions
    splits = {name: dataset.y[rows] for name, rows in dataset.rows.items()}
    content = {
        "amounts": list(splits),
        "quantiles": [(words, [np.quantile(y, at) for y in splits.values()]) for words, at in QUANTILES.items()],
        "shown": min(MAX_POINTS, len(predictions.y)),
        "errors": errors(predictions),
        "intervals": [coverage(predictions, card.target["level"])],
        "mistakes": _largest(dataset, predictions, card),
    }
    return ReportSections(TITLES, "regression", content)


def errors(predictions: Predictions) -> list[Markup]:
    """Predicted against true numbers, and how often errors of each size occur."""
    y, predicted = predictions.y, predictions.outputs[:, 0].astype(np.float64)
    low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
    against = Chart("Predicted and true", "true", "predicted", (low, high), (low, high), legend=True)
    against.line("right", [(low, low), (high, high)], guide=True)
    order = np.argsort(y, kind="stable")
    for index in order[np.linspace(0, len(y) - 1, min(MAX_POINTS, len(y))).round().astype(int)]:
        against.dot(y[index], predicted[index], f"true {y[index]:.5g}, predicted {predicted[index]:.5g}")
    errors = predicted - y
    reach = float(np.quantile(np.abs(errors), 0.99)) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = np.histogram(np.clip(errors, -reach, reach), edges)[0]
    sizes = Chart("Errors", "predicted too much", "rows", (-reach, reach))
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        sizes.bar(left, right, int(count), f"{left:.4g} to {right:.4g}: {count:,} rows")
    return [against.figure(), sizes.figure()]


def coverage(predictions: Predictions, level: float) -> Markup:
    """The share of numbers within their interval, for rows with narrow and with wide ones."""
    widths = (predictions.outputs[:, 2] - predictions.outputs[:, 1]).astype(np.float64)
    inside = number_statistics.is_inside(predictions)
    groups = [group for group in np.array_split(np.argsort(widths, kind="stable"), WIDTHS) if len(group)]
    ticks = [(float(number), f"{widths[group].mean():.3g}") for number, group in enumerate(groups, 1)]
    chart = Chart(
        "Share within the interval", "mean width of the interval", "share", (0.5, len(groups) + 0.5), (0.0, 1.0),
        x_ticks=ticks, legend=True,
    )  # fmt: skip
    chart.line(f"{level:.0%}", [(0.5, level), (len(groups) + 0.5, level)], guide=True)
    for number, group in enumerate(groups, 1):
        held = int(inside[group].sum())
        chart.error(number, *statistics.wilson(held, len(group)))
        chart.dot(number, held / len(group), f"{held:,} of {len(group):,} rows within")
    return chart.figure()


def _largest(dataset: Dataset, predictions: Predictions, card: Card) -> list[mistakes.Mistake]:
    predicted = predictions.outputs[:, 0].astype(np.float64)
    errors = np.abs(predicted - predictions.y)
    shown = np.argsort(-errors, kind="stable")[: mistakes.MAX_MISTAKES]
    rows = dataset.rows["test"][shown]
    inputs = mistakes.inputs_of(dataset, rows, card.preprocessing)
    return [
        mistakes.Mistake(
            int(row), f"{predictions.y[index]:.5g}", f"{predicted[index]:.5g}", float(errors[index]), **found
        )
        for index, row, found in zip(shown, rows, inputs, strict=True)
    ]
