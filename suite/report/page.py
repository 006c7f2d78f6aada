"""report.html: one self-contained page about one version of a model."""

from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from suite.artifact import Card
from suite.report import plots

FILE = "report.html"
LARGEST_MATRIX = 30


def render(card: Card, history: dict[str, list[float]], confusion: np.ndarray) -> str:
    """The page for a card, its metrics an epoch, and counts (K, K) of true by predicted class on the test split."""
    environment = Environment(
        loader=PackageLoader("suite.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html").render(
        card=card,
        curves=[_curve(history, name) for name in history if f"val_{name}" in history],
        classes=_classes(card.labels, confusion),
        confusion=confusion.tolist() if len(confusion) <= LARGEST_MATRIX else None,
        largest=max(1, int(confusion.max())),
    )


def _curve(history: dict[str, list[float]], name: str) -> dict[str, Any]:
    series = {
        label: list(enumerate(history[key], 1)) for label, key in {"train": name, "validation": f"val_{name}"}.items()
    }
    return {"name": name, "svg": plots.line_chart(series, "epoch", name)}


def _classes(labels: list[str], confusion: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for index, label in enumerate(labels):
        found, predicted, actual = confusion[index, index], confusion[:, index].sum(), confusion[index].sum()
        precision, recall = (float(found / total) if total else 0.0 for total in (predicted, actual))
        f1 = 2 * precision * recall / (precision + recall) if found else 0.0
        rows.append({"label": label, "precision": precision, "recall": recall, "f1": f1, "rows": int(actual)})
    return rows
