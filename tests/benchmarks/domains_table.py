"""Tables: our default network against gradient boosting and logistic regression, side by side.

Card fraud in three expanding windows in time, card fraud split at random three times, and German credit in five folds.
All learn from the same training rows; ours takes a tenth of them to validate on.

Our defaults were chosen on rows that the same task does not test: for the windows, windows within the first 60%; for
the random splits, rows in none of the three test sets. Since one default serves all, a row that one of these two looked
at may be tested by the other. For German credit it was a quarter of each fold's training rows, which other folds test.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

from suite import domain as registry
from suite import domains
from suite.data import splits
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.splits import Rows
from tests.benchmarks import ours, rivals, shared_data
from tests.benchmarks.results import Row, paired_interval

PACKAGES = ("lightgbm==4.6.0", "xgboost==2.1.4", "scikit-learn==1.7.2", "numpy==2.2.6")
RIVALS = {
    "lightgbm": ("LightGBM", "500 rounds at 0.05, 15 leaves; on few rows the rounds by cross-validation"),
    "xgboost": ("XGBoost", "500 rounds at 0.05, depth 5; on few rows the rounds by cross-validation"),
    "logistic": ("logistic regression, scaled and one-hot", "scikit-learn's defaults"),
}
OURS = "suite fit fraud"
WINDOWS = [(0.6, 0.7), (0.7, 0.8), (0.8, 1.0)]


@dataclass(frozen=True)
class Task:
    """A data set, its splits with our validation rows apart, and the metric."""

    title: str
    file: str
    metric: Callable[[np.ndarray, np.ndarray], float]
    split: Callable[[Dataset], Iterator[Rows]]


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
    """Five stratified folds."""
    for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(dataset.y, dataset.y):
        yield splits.beside_test_rows(dataset.y, dataset.labels, test, 0)


CARDS, CREDIT = "creditcard/creditcard.parquet", "german_credit/german_credit.csv"
TASKS = {
    "windows": Task("card fraud, 3 windows in time (average precision)", CARDS, average_precision_score, windows),
    "random": Task("card fraud, 3 random splits (average precision)", CARDS, average_precision_score, random),
    "credit": Task("German credit, 5 folds (ROC AUC)", CREDIT, roc_auc_score, folds),
}


def measure(task: Task) -> list[Row]:
    """Every model on every split, ours first."""
    domain = registry.get("fraud")
    folder, _, name = task.file.partition("/")
    dataset = domains.load_data(domain, str(shared_data.folder(folder) / name), DataOptions())
    parts = list(task.split(dataset))
    scores, seconds = _rivals(dataset, parts)
    found = [ours.answers(domain, dataset, rows) for rows in parts]
    scores[OURS] = [answers[:, 1] for answers, _ in found]
    seconds[OURS] = sum(took for _, took in found)
    truth = [dataset.y[rows["test"]] for rows in parts]
    values = {
        model: [float(task.metric(y, answers)) for y, answers in zip(truth, given, strict=True)]
        for model, given in scores.items()
    }
    for model, each in values.items():
        print(task.title, model, " ".join(f"{value:.4f}" for value in each), flush=True)
    best = max(RIVALS, key=lambda model: float(np.mean(values[model])))
    interval = paired_interval(task.metric, list(zip(truth, scores[OURS], scores[best], strict=True)))
    chosen = "defaults, chosen on validation rows"
    return [
        Row(task.title, OURS, values[OURS], seconds[OURS] / len(parts), chosen, interval),
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
