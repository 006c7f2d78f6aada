"""`import suite`: models are fitted, loaded, asked and shown from Python."""

import html
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import suite
from suite.api.model import SuiteWarning
from tests.conftest import Made

Make = Callable[[str], Made]


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, 120),
            "income": rng.normal(3e4, 1e4, 120),
            "city": rng.choice(["Bonn", "Ulm"], 120),
        },
        index=[f"c{number}" for number in range(120)],
    )
    frame["churn"] = np.where(frame.age + rng.normal(0, 5, 120) > 60, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def model(customers: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> suite.Model:
    options = {"name": "churn", "models": tmp_path_factory.mktemp("models"), "epochs": 1, "retrain": False}
    return suite.fit("fraud", customers, label="churn", quiet=True, **options)


def test_a_fitted_frame_is_a_model(model: suite.Model) -> None:
    assert (model.name, model.version, model.labels) == ("churn", 1, ["no", "yes"])
    assert set(model.metrics) == {"validation", "test"}
    assert repr(model).startswith("<Model churn/1: fraud, 2 labels, test average_precision ")
    command = model.card.training["command"]
    assert command.startswith("suite.fit('fraud', <DataFrame>, label='churn', name='churn'")
    assert model.report().is_file()


def test_answers_are_a_frame_like_the_data(model: suite.Model, customers: pd.DataFrame) -> None:
    rows = customers[["city", "income", "age"]]
    answers = model.predict(rows)
    assert list(answers.columns) == ["label", "score", "p_no", "p_yes", "flagged", "threshold"]
    assert answers.index.equals(customers.index)
    np.testing.assert_allclose(model.predict_proba(rows)[:, 1], answers["p_yes"], atol=1e-6)
    in_polars = model.predict(pl.from_pandas(rows))
    assert isinstance(in_polars, pl.DataFrame)
    assert in_polars["score"].to_list() == answers["score"].tolist()
    one = model.predict({"age": [40], "income": [3e4], "city": ["Ulm"]}, keep="age")
    assert isinstance(one, pa.Table)
    assert one.column_names[0] == "age"


def test_test_rows_of_the_frame_are_measured_as_in_the_training(model: suite.Model, customers: pd.DataFrame) -> None:
    found = model.evaluate(customers, label="churn")
    assert found.metrics == pytest.approx(model.metrics["test"], abs=1e-4)
    labels = customers["churn"]
    every = model.evaluate(customers.drop(columns="churn"), label=labels.to_numpy(), split="all")
    assert every.rows == 120
    assert "the model was trained on" in every.notes[0]


def test_columns_that_the_model_does_not_use_are_told(model: suite.Model, customers: pd.DataFrame) -> None:
    with pytest.warns(SuiteWarning, match="passed over: surname") as caught:
        model.predict(customers.assign(surname="x"))
    assert Path(caught[0].filename) == Path(__file__)


def test_a_loaded_model_answers_without_tensorflow(model: suite.Model) -> None:
    code = (
        "import suite, sys\n"
        f"model = suite.load('churn', version=1, models={str(model.path.parents[1])!r})\n"
        "print(model.predict([{'age': 40, 'income': 3e4, 'city': 'Ulm'}])['label'][0], model.engine)\n"
        "print('tensorflow' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer, imported = done.stdout.splitlines()
    assert answer.split()[0] in ("no", "yes")
    assert answer.split()[1] == "litert"
    assert imported == "False False"


def test_a_model_is_found_by_its_path(model: suite.Model) -> None:
    assert suite.load(model.path).path == model.path
    assert suite.load(model.path.parent).version == 1


def test_a_notebook_shows_figures_and_curves(model: suite.Model) -> None:
    page = html.unescape(model._repr_html_())
    for text in ("<iframe", "churn", "average_precision", "Precision and recall", "Reliability", "<svg"):
        assert text in page


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"label": "churned"}, "there is no column 'churned': did you mean 'churn'"),
        ({"epoch": 2}, "there is no keyword 'epoch': did you mean 'epochs'"),
        ({"label_column": "churn"}, "there is no keyword 'label_column': did you mean 'label'"),
        ({"label": "churn", "epochs": 0}, "epochs=0 makes no sense: give a whole number of at least 1"),
        ({"label": "churn", "epochs": True}, "epochs=True makes no sense"),
        ({"label": "churn", "time": "soon"}, "'soon' is no time"),
        ({"label": "churn", "retrain": 1}, "give True or False"),
        ({"label": "churn", "image_size": 32}, "image_size= means nothing to fraud"),
        ({"label": "churn", "split": "tme"}, "there is no split 'tme': did you mean 'time'"),
        ({"label": "churn", "preset": "big"}, "there is no preset of fraud 'big'"),
        ({"label": "churn", "threshold": "f1", "cost_column": "age"}, "threshold= and the costs each choose"),
    ],
)
def test_a_wrong_request_is_one_line(customers: pd.DataFrame, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(suite.SuiteError, match=message) as raised:
        suite.fit("fraud", customers, quiet=True, **keywords)
    assert "\n" not in str(raised.value)
    assert "--" not in str(raised.value)


def test_wrong_rows_are_one_line(model: suite.Model, customers: pd.DataFrame) -> None:
    for data, message in (
        (customers.drop(columns="age"), "no column age, which the model uses: add it, or say allow_missing="),
        (np.zeros((3, 4)), "knows its columns by name"),
        (customers.assign(age="old"), "row 1, column 'age': 'old' is not a number"),
        (customers.iloc[:0], "no rows to answer"),
    ):
        with pytest.raises(suite.SuiteError, match=message):
            model.predict(data)
    with pytest.raises(suite.SuiteError, match="made from data in memory, which is not kept"):
        model.evaluate()
    with pytest.raises(suite.SuiteError, match="there is no model 'chrun': did you mean 'churn'"):
        suite.load("chrun", models=model.path.parents[1])
    with pytest.raises(suite.SuiteError, match="there is no keyword 'seed'"):
        model.predict(customers, seed=1)


def test_texts_are_answered_from_a_list(make: Make) -> None:
    made = make("text_cls")
    texts = list(made.dataset.inputs["text"][:3])
    loaded = suite.load("text_cls", models=made.models)
    assert (
        loaded.predict(texts).column("label").to_pylist()
        == loaded.predict(pl.DataFrame({"text": texts}))["label"].to_list()
    )


def test_pictures_are_answered_from_an_array(make: Make) -> None:
    made = make("image_cls")
    loaded = suite.load("image_cls", models=made.models)
    pictures = made.dataset.inputs["image"][:3]
    found = loaded.predict_proba(pictures)
    assert found.shape == (3, len(made.card.labels))
    np.testing.assert_allclose(loaded.predict_proba(list(pictures)), found, atol=1e-6)
