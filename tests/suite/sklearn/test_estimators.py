"""The estimators as people use them: with frames, in pipelines and searches, as pickles."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import suite
from suite.sklearn import Classifier, InvalidType, Regressor

QUICK = {"epochs": 2, "retrain": False}


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"age": rng.integers(18, 80, 60), "city": rng.choice(["Bonn", "Ulm"], 60)})


@pytest.fixture(scope="module")
def churn(customers: pd.DataFrame) -> np.ndarray:
    return np.where(customers["age"] > 50, "stays", "leaves")


@pytest.fixture(scope="module")
def classifier(customers: pd.DataFrame, churn: np.ndarray) -> Classifier:
    return Classifier(**QUICK).fit(customers, churn)


def test_a_frame_is_classified(classifier: Classifier, customers: pd.DataFrame) -> None:
    assert classifier.classes_.tolist() == ["leaves", "stays"]
    assert classifier.feature_names_in_.tolist() == ["age", "city"]
    probabilities = classifier.predict_proba(customers)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=1)], classifier.predict(customers))
    np.testing.assert_allclose(probabilities, classifier.model_.predict_proba(customers))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(classifier.predict_proba(customers.to_numpy()), probabilities)


def test_a_pickle_answers_in_another_process(classifier: Classifier, customers: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "fitted").write_bytes(pickle.dumps((classifier, customers)))
    code = "import pickle, sys; one, rows = pickle.load(open(sys.argv[1], 'rb')); print(*one.predict(rows))"
    command = [sys.executable, "-c", code, str(tmp_path / "fitted")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == classifier.predict(customers).tolist()


def test_a_model_goes_with_its_estimator(classifier: Classifier) -> None:
    copy = pickle.loads(pickle.dumps(classifier))
    folder = copy.model_.path
    assert folder.is_dir()
    assert folder != classifier.model_.path
    del copy
    assert not folder.parents[1].exists()


def test_it_stands_in_a_pipeline_and_a_search(churn: np.ndarray, customers: pd.DataFrame, tmp_path: Path) -> None:
    X = customers[["age"]].to_numpy(float, copy=True)
    X[0] = np.nan
    pipeline = make_pipeline(SimpleImputer(), Classifier(models=tmp_path, name="churn", **QUICK))
    fold = np.arange(45), np.arange(45, 60)
    search = GridSearchCV(pipeline, {"classifier__set": [{"mlp.units": 64}]}, cv=[fold], error_score="raise")
    best = search.fit(X, churn).best_estimator_[-1]
    assert best.model_.card.hyperparameters["mlp/units"] == 64
    assert best.model_.path == tmp_path / "churn" / "2"
    assert suite.load("churn", models=tmp_path).labels == ["leaves", "stays"]


def test_a_number_has_an_interval() -> None:
    X = np.linspace(0, 1, 60).reshape(-1, 1)
    regressor = Regressor(**QUICK).fit(X, X[:, 0])
    bounds = regressor.predict_interval(X)
    assert bounds.shape == (60, 2)
    assert ((bounds[:, 0] <= regressor.predict(X)) & (regressor.predict(X) <= bounds[:, 1])).all()
    assert not hasattr(clone(regressor), "model_")


X = np.arange(80.0).reshape(40, 2)
Y = np.arange(40) % 2


@pytest.mark.parametrize(
    ("estimator", "rows", "y", "message"),
    [
        (Classifier(), X[:, 0], Y, "Expected 2D array, got 1D array instead"),
        (Classifier(), X, np.where(Y, np.nan, 1), "Input y contains NaN"),
        (Regressor(), X, np.where(Y, np.inf, 1), "Input y contains infinity"),
        (Regressor(), X, ["high", "low"] * 20, "could not convert string to float"),
        (Classifier(), X, np.ones(40, int), "y has one class, '1'"),
        (Classifier(), np.arange(3_003.0).reshape(-1, 1), np.arange(3_003) // 3, "y has 1,001 classes"),
        (Classifier(), X, ["", "a"] * 20, "the class '' reads as no label"),
        (Classifier(), X, ["a ", "a"] * 20, "two classes read as 'a'"),
        (Classifier(), X, None, "requires y to be passed"),
        (Classifier(), X[:30], Y, "inconsistent numbers of samples"),
        (Classifier(epochs=0), X, Y, "epochs=0 makes no sense"),
        (Classifier("tabel"), X, Y, "there is no domain 'tabel': did you mean 'table'"),
        (Regressor("text_cls"), X, Y, "text_cls does not answer with a number"),
    ],
)
def test_what_cannot_be_learned_from_is_one_line(estimator: Any, rows: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        estimator.fit(rows, y)
    assert isinstance(raised.value, suite.SuiteError)
    assert "\n" not in str(raised.value)


def test_wrong_rows_are_one_line(classifier: Classifier, customers: pd.DataFrame) -> None:
    for rows in (customers[["age"]], customers[["city", "age"]], customers.assign(age="old")):
        with pytest.raises(ValueError, match=r"feature names|not a number") as raised:
            classifier.predict(rows)
        assert isinstance(raised.value, suite.SuiteError)
    with pytest.raises(InvalidType, match="dense data is required"):
        Classifier().fit(scipy.sparse.csr_array(X), Y)


def test_without_scikit_learn_it_says_what_to_type() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "try: import suite.sklearn\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'neural-suite[train]'" in done.stdout
