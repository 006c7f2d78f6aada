"""Movie sentiment, five stratified folds: our default network against TF-IDF with logistic regression.

All learn from the four other folds alone; ours takes a tenth of them to validate on.
"""

from time import perf_counter

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from suite import domain as registry
from suite import domains
from suite.data import splits
from suite.data.options import DataOptions
from tests.benchmarks import ours
from tests.benchmarks.results import Row, paired_interval

FOLDS = 5
TASK = "movie sentiment, 5 folds (accuracy)"
RIVALS = {
    "TF-IDF of words (1,2) + logistic regression": {"ngram_range": (1, 2)},
    "TF-IDF of characters (2,5) + logistic regression": {"analyzer": "char", "ngram_range": (2, 5)},
}


def measure() -> list[Row]:
    """Every model on every fold."""
    domain = registry.get("text_cls")
    dataset = domains.load_data(domain, None, DataOptions())
    x, y = dataset.inputs["text"], dataset.y
    scores: dict[str, list[np.ndarray]] = {}
    seconds = dict.fromkeys(["suite fit text_cls", *RIVALS], 0.0)
    tests = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y):
        tests.append(test)
        for name, options in RIVALS.items():
            started = perf_counter()
            rival = make_pipeline(TfidfVectorizer(**options), LogisticRegression(max_iter=1000))
            rival.fit(x[train], y[train])
            scores.setdefault(name, []).append(rival.predict_proba(x[test])[:, 1])
            seconds[name] += perf_counter() - started
        found, took = ours.answers(domain, dataset, splits.beside_test_rows(y, dataset.labels, test, 0))
        scores.setdefault("suite fit text_cls", []).append(found[:, 1])
        seconds["suite fit text_cls"] += took
        print(f"fold {len(tests)}/{FOLDS}", {name: _accuracy(y[test], s[-1]) for name, s in scores.items()}, flush=True)
    accuracies = {
        name: [_accuracy(y[test], s) for test, s in zip(tests, found, strict=True)] for name, found in scores.items()
    }
    best = max(RIVALS, key=lambda name: np.mean(accuracies[name]))
    pairs = [
        (y[test], own, theirs)
        for test, own, theirs in zip(tests, scores["suite fit text_cls"], scores[best], strict=True)
    ]
    chosen = dict.fromkeys(RIVALS, "scikit-learn's defaults") | {
        "suite fit text_cls": "defaults, from accuracy on a fifth of the training rows of three folds"
    }
    return [
        Row(TASK, name, accuracies[name], seconds[name] / FOLDS, chosen[name],
            paired_interval(_accuracy, pairs) if name not in RIVALS else "")
        for name in ["suite fit text_cls", *RIVALS]
    ]  # fmt: skip


def _accuracy(y: np.ndarray, scores: np.ndarray) -> float:
    return float(((scores > 0.5) == y).mean())
