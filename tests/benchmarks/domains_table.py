"""Tables: our default network against gradient boosting and linear models, side by side.

Card fraud in three expanding windows in time, card fraud split at random three times, German credit and a dozen more
tables in five folds. All learn from the same training rows; ours takes a tenth of them to validate on.

Our defaults were chosen on rows that the same task does not test: for the windows, windows within the first 60%; for
the random splits, rows in none of the three test sets. Since one default serves all, a row that one of these two looked
at may be tested by the other. On the other tables it was parts of the training rows of a fold, which other folds test.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn import datasets
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from suite import domain as registry
from suite import domains
from suite.data import splits
from suite.data.dataset import Dataset
from suite.data.memory import Frame, Memory
from suite.data.options import DataOptions
from suite.data.splits import Rows
from tests.benchmarks import ours, rivals, shared_data
from tests.benchmarks.results import Row, paired_interval

PACKAGES = ("lightgbm==4.7.0", "xgboost==2.1.4", "scikit-learn==1.7.2", "numpy==2.2.6")
RIVALS = {
    "lightgbm": ("LightGBM", "500 rounds at 0.05, 15 leaves; on few rows the rounds by cross-validation"),
    "xgboost": ("XGBoost", "500 rounds at 0.05, depth 5; on few rows the rounds by cross-validation"),
    "linear": ("logistic or ridge regression, scaled and one-hot", "scikit-learn's defaults"),
}
WINDOWS = [(0.6, 0.7), (0.7, 0.8), (0.8, 1.0)]


@dataclass(frozen=True)
class Task:
    """A data set, its splits with our validation rows apart, and the metric."""

    title: str
    source: Callable[[], str | Memory]
    metric: Callable[[np.ndarray, np.ndarray], float]
    split: Callable[[Dataset], Iterator[Rows]]
    domain: str = "fraud"
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> str:
        """What is measured of ours."""
        return f"suite fit {self.domain}"


def windows(dataset: Dataset) -> Iterator[Rows]:
    """Three windows that expand in time; a tenth of each, at random, is for validation."""
    assert dataset.order is not None
    total = len(dataset.order)
    for begin, end in WINDOWS:
        past, test = dataset.order[: round(begin * total)], dataset.order[round(begin * total) : round(end * total)]
        train, validation = splits.split_off(past, dataset.y, splits.VALIDATION_SHARE_BESIDE_TEST, 0)
        yield {"train": train, "validation": validation, "test": test}


def random(dataset: Dataset) -> Iterator[Rows]:
    """A fifth to test, stratified, by three seeds."""
    for seed in range(3):
        everything = np.arange(len(dataset.y))
        _, test = train_test_split(everything, test_size=0.2, stratify=dataset.y, random_state=seed)
        yield splits.beside_test_rows(dataset.y, dataset.labels, np.sort(test), seed)


def folds(dataset: Dataset) -> Iterator[Rows]:
    """Five folds, stratified by class."""
    splitter = (StratifiedKFold if dataset.labels else KFold)(5, shuffle=True, random_state=0)
    for _, test in splitter.split(dataset.y, dataset.y):
        yield splits.beside_test_rows(dataset.y, dataset.labels, test, 0)


def precision(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The average precision of the second class."""
    return float(average_precision_score(y, probabilities[:, 1]))


def auc(y: np.ndarray, probabilities: np.ndarray) -> float:
    """ROC AUC of the second of two classes, or of each class against the rest: their mean."""
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(y, probabilities[:, 1]))
    # A resample of few rows may lack a class, of which there is no AUC then.
    present = [label for label in range(probabilities.shape[1]) if 0 < (y == label).sum() < len(y)]
    return float(np.mean([roc_auc_score(y == label, probabilities[:, label]) for label in present]))


def r2(y: np.ndarray, answers: np.ndarray) -> float:
    """The coefficient of determination of predicted numbers; of answers with an interval, of its middle."""
    return float(r2_score(y, answers if answers.ndim == 1 else answers[:, 0]))


def shared(name: str) -> Callable[[], str]:
    """A file of the shared data sets."""
    folder, _, file = name.partition("/")
    return lambda: str(shared_data.folder(folder) / file)


def without(name: str, *columns: str, rare: str = "") -> Callable[[], Memory]:
    """A file of the shared tables without some columns, and without classes of `rare` that have fewer than 50 rows."""

    def read() -> Memory:
        frame = pd.read_csv(shared(name)()).drop(columns=list(columns))
        if rare:
            counts = frame[rare].map(frame[rare].value_counts())
            frame = frame[counts >= 50].reset_index(drop=True)
        return Frame(pa.Table.from_pandas(frame, preserve_index=False))

    return read


def bundled(name: str) -> Callable[[], Memory]:
    """A table that scikit-learn brings."""
    return lambda: Frame(pa.Table.from_pandas(getattr(datasets, f"load_{name}")(as_frame=True).frame))


def of_classes(title: str, source: Callable[[], str | Memory], label: str) -> Task:
    """A table of classes, by five folds."""
    options = {"label_column": label, "task": "classification"}
    return Task(f"{title}, 5 folds (ROC AUC)", source, auc, folds, "table", options)


def of_numbers(title: str, source: Callable[[], str | Memory], label: str) -> Task:
    """A table with a number to predict, by five folds."""
    return Task(f"{title}, 5 folds (R2)", source, r2, folds, "table", {"label_column": label, "task": "regression"})


CARDS, CREDIT = shared("creditcard/creditcard.parquet"), shared("german_credit/german_credit.csv")
TABLES = {
    "german": of_classes("German credit", CREDIT, "creditability"),
    "attrition": of_classes("attrition", shared("tables/attrition.csv"), "Attrition"),
    "mlc_churn": of_classes("churn (mlc)", shared("tables/mlc_churn.csv"), "churn"),
    "lending_club": of_classes("lending club", shared("tables/lending_club.csv"), "Class"),
    "wa_churn": of_classes("churn (wa)", shared("tables/wa_churn.csv"), "churn"),
    "cells": of_classes("cells", shared("tables/cells.csv"), "class"),
    "hpc": of_classes("jobs, 4 classes", shared("tables/hpc.csv"), "class"),
    "oj": of_classes("orange juice", shared("tables/oj.csv"), "Purchase"),
    "caravan": of_classes("caravan", shared("tables/caravan.csv"), "Purchase"),
    "heart": of_classes("heart, 5 classes", without("tables/heart.csv", "id"), "num"),
    "thyroid": of_classes("thyroid", without("tables/thyroid.csv", "patient_id", rare="target"), "target"),
    "cut": of_classes("diamonds' cut, 5 classes", shared("tables/diamonds.csv"), "cut"),
    "price": of_numbers("diamonds' price", shared("tables/diamonds.csv"), "price"),
    "breast_cancer": of_classes("breast cancer", bundled("breast_cancer"), "target"),
    "wine": of_classes("wine, 3 classes", bundled("wine"), "target"),
    "diabetes": of_numbers("diabetes", bundled("diabetes"), "target"),
}
TASKS = {
    "windows": Task("card fraud, 3 windows in time (average precision)", CARDS, precision, windows),
    "random": Task("card fraud, 3 random splits (average precision)", CARDS, precision, random),
    **TABLES,
}


def measure(task: Task) -> list[Row]:
    """Every model on every split, ours first."""
    domain = registry.get(task.domain)
    dataset = domains.load_data(domain, task.source(), DataOptions(**task.options))
    parts = list(task.split(dataset))
    scores, seconds = _rivals(dataset, parts)
    found = [ours.answers(domain, dataset, rows) for rows in parts]
    scores[task.ours] = [answers for answers, _ in found]
    seconds[task.ours] = sum(took for _, took in found)
    truth = [dataset.y[rows["test"]] for rows in parts]
    values = {
        model: [float(task.metric(y, answers)) for y, answers in zip(truth, given, strict=True)]
        for model, given in scores.items()
    }
    for model, each in values.items():
        print(task.title, model, " ".join(f"{value:.4f}" for value in each), flush=True)
    best = max(RIVALS, key=lambda model: float(np.mean(values[model])))
    interval = paired_interval(task.metric, list(zip(truth, scores[task.ours], scores[best], strict=True)))
    chosen = "defaults, chosen on validation rows"
    return [
        Row(task.title, task.ours, values[task.ours], seconds[task.ours] / len(parts), chosen, interval),
        *(
            Row(task.title, title, values[model], seconds[model] / len(parts), how)
            for model, (title, how) in RIVALS.items()
        ),
    ]


def _rivals(dataset: Dataset, parts: list[Rows]) -> tuple[dict[str, list[np.ndarray]], dict[str, float]]:
    """Each rival's scores for each test split, and its total seconds; rivals train on our validation rows too."""
    arrays = _arrays(dataset)
    for index, rows in enumerate(parts):
        arrays[f"train_{index}"] = np.sort(np.concatenate([rows["train"], rows["validation"]]))
        arrays[f"test_{index}"] = rows["test"]
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "splits.npz"), Path(folder, "answers.npz")
        np.savez(source, **arrays)  # type: ignore[arg-type]
        script = Path(__file__).with_name("rivals_table.py")
        subprocess.run([rivals.python(*PACKAGES), script, source, target], check=True)
        with np.load(target) as answers:
            scores = {model: [answers[f"{model}_{index}"] for index in range(len(parts))] for model in RIVALS}
            return scores, {model: float(answers[f"seconds_{model}"]) for model in RIVALS}


def _arrays(dataset: Dataset) -> dict[str, np.ndarray]:
    """The columns that our network reads, numbers and categories apart."""
    kinds = {spec.name: spec.kind for spec in dataset.specs}
    numbers = [dataset.inputs[name] for name, kind in kinds.items() if kind != "categorical"]
    categories = [
        np.unique(dataset.inputs[name], return_inverse=True)[1] for name, kind in kinds.items() if kind == "categorical"
    ]
    empty = np.empty((len(dataset.y), 0), np.int32)
    return {
        "numbers": np.stack(numbers, axis=1).astype(np.float32),
        "categories": np.stack(categories, axis=1).astype(np.int32) if categories else empty,
        "y": dataset.y,
    }
