"""`suite fit` next to logistic regression on the same rows, for every shared table of two classes and every text.

Logistic regression learns from the training and validation rows, one-hot or TF-IDF, with scikit-learn's defaults; both
are measured once on the test rows. Give the names of tasks to measure only those.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from suite import domain as registry
from suite import domains
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from tests.benchmarks import ours, shared_data
from tests.benchmarks.results import measure_tasks, paired_interval

FIGURE = Path(__file__).with_name("figures") / "linear.md"


@dataclass(frozen=True)
class Task:
    """A data set, with the options of its reader; None is the domain's own."""

    domain: str
    file: str | None
    options: dict[str, str]


def _table(label: str, file: str) -> Task:
    return Task("fraud", file, {"label_column": label})


TASKS = {
    "sentiment": Task("text_cls", None, {}),
    "apps": Task("text_cls", "debian_apps/apps.csv", {"text_column": "description", "label_column": "label"}),
    "german_credit": _table("creditability", "german_credit/german_credit.csv"),
    "attrition": _table("Attrition", "tables/attrition.csv"),
    "mlc_churn": _table("churn", "tables/mlc_churn.csv"),
    "lending_club": _table("Class", "tables/lending_club.csv"),
    "wa_churn": _table("churn", "tables/wa_churn.csv"),
    "cells": _table("class", "tables/cells.csv"),
    "oj": _table("Purchase", "tables/oj.csv"),
    "caravan": _table("Purchase", "tables/caravan.csv"),
    "card_fraud": Task("fraud", None, {}),
}


def accuracy(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The share of right answers."""
    return float((probabilities.argmax(axis=1) == y).mean())


def precision(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The average precision of the second class."""
    return float(average_precision_score(y, probabilities[:, 1]))


def measure(name: str) -> str:
    """A row of the table for one task."""
    task = TASKS[name]
    domain = registry.get(task.domain)
    source = None
    if task.file:
        folder, _, file = task.file.partition("/")
        source = str(shared_data.folder(folder) / file)
    dataset = domains.load_data(domain, source, DataOptions(**task.options))
    own, seconds = ours.answers(domain, dataset, dataset.rows)
    known, test = dataset.known_rows, dataset.rows["test"]
    rival = _texts(dataset, known) if task.domain == "text_cls" else _columns(dataset, known)
    theirs = rival(test)
    metric: Callable[[np.ndarray, np.ndarray], float] = accuracy if task.domain == "text_cls" else precision
    y = dataset.y[test]
    interval = paired_interval(metric, [(y, own, theirs)])
    cells = [
        f"{name}, {metric.__name__}", f"{len(known):,} + {len(test):,}", f"{metric(y, own):.4f}",
        f"{metric(y, theirs):.4f}", interval, f"{seconds:.0f} s",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _texts(dataset: Dataset, rows: np.ndarray) -> Callable[[np.ndarray], Any]:
    """The better of TF-IDF of words and of characters, by five folds of these rows."""
    from sklearn.model_selection import cross_val_score

    x, y = dataset.inputs["text"], dataset.y
    models = [
        make_pipeline(TfidfVectorizer(**options), LogisticRegression(max_iter=1000))
        for options in ({"ngram_range": (1, 2)}, {"analyzer": "char", "ngram_range": (2, 5)})
    ]
    best = max(models, key=lambda model: cross_val_score(model, x[rows], y[rows]).mean())
    best.fit(x[rows], y[rows])
    return lambda wanted: best.predict_proba(x[wanted])


def _columns(dataset: Dataset, rows: np.ndarray) -> Callable[[np.ndarray], Any]:
    """Numbers scaled, with their median where they are missing, and categories one-hot."""
    kinds = {spec.name: spec.kind for spec in dataset.specs}
    numbers = np.stack([dataset.inputs[name] for name, kind in kinds.items() if kind != "categorical"], axis=1)
    scaler = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(numbers[rows])
    names = [name for name, kind in kinds.items() if kind == "categorical"]
    parts = [scaler.transform(numbers)]
    if names:
        categories = np.stack([dataset.inputs[name].astype(str) for name in names], axis=1)
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(categories[rows])
        parts.append(encoder.transform(categories))
    x = np.hstack(parts)
    model = LogisticRegression(max_iter=1000).fit(x[rows], dataset.y[rows])
    return lambda wanted: model.predict_proba(x[wanted])


def main(names: list[str]) -> None:
    """Measure the tasks one by one, and keep the table of them."""
    columns = (
        "task, metric", "rows to learn from + to test", "`suite fit`", "logistic regression", "difference (95%)",
        "time",
    )  # fmt: skip
    measure_tasks(columns, measure, names, TASKS, FIGURE, "make bench-linear")


if __name__ == "__main__":
    main(sys.argv[1:])
