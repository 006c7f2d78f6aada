"""TensorFlow Serving's REST interface, as its documentation describes it."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_models as make
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from serving.inference import InferenceService as Core

ONE = np.random.default_rng(1).integers(0, 256, (make.SIDE, make.SIDE, 1), np.uint8)


def ask(client: FlaskClient, path: str, **body: Any) -> Any:
    response = client.post(f"/v1/models/{path}", data=json.dumps(body))
    assert response.status_code == 200, response.text
    return response.get_json()


def ours(client: FlaskClient, model: str, *instances: Any) -> list[list[float]]:
    """Return the probabilities from our own route."""
    response = client.post("/predict", data=json.dumps({"model": model, "instances": instances}))
    return [list(one["probabilities"].values()) for one in response.get_json()["predictions"]]


def test_the_example_of_the_documentation(plain_client: FlaskClient) -> None:
    # https://www.tensorflow.org/tfx/serving/docker: curl -d '{"instances": [1.0, 2.0, 5.0]}' -X POST ...
    response = plain_client.post(
        "/v1/models/half_plus_two:predict", data='{"instances": [1.0, 2.0, 5.0]}',
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert response.get_json() == {"predictions": [2.5, 3.0, 4.5]}


def test_columns_are_answered_as_columns(plain_client: FlaskClient) -> None:
    assert ask(plain_client, "half_plus_two:predict", inputs=[1.0, 2.0]) == {"outputs": [2.5, 3.0]}
    assert ask(plain_client, "half_plus_two:predict", inputs={"x": [1.0]}) == {"outputs": [2.5]}
    two = ask(plain_client, "pair:predict", inputs={"name": ["a", {"b64": "Yg=="}], "n": [[1, 2], [3, 4]]})
    assert two == {"outputs": {"greeting": ["hello a", "hello b"], "total": [3, 7]}}


def test_several_outputs_are_objects_by_row(plain_client: FlaskClient) -> None:
    answer = ask(plain_client, "pair:predict", instances=[{"name": "a", "n": [1, 2]}], signature_name="serving_default")
    assert answer == {"predictions": [{"greeting": "hello a", "total": 3}]}


def test_models_with_cards_answer_their_probabilities(client: FlaskClient) -> None:
    expected = ours(client, "digits", ONE.tolist())
    assert ask(client, "digits:predict", instances=[ONE.tolist()])["predictions"] == expected
    assert ask(client, "digits/versions/1:predict", instances=[{"image": ONE.tolist()}])["predictions"] == expected
    assert ask(client, "digits:predict", inputs={"image": [ONE.tolist()]})["outputs"] == expected
    texts = ["good", "bad"]
    expected = ours(client, "reviews", *texts)
    assert ask(client, "reviews:predict", inputs=texts)["outputs"] == expected
    encoded = [{"b64": base64.b64encode(text.encode()).decode()} for text in texts]
    assert ask(client, "reviews:predict", instances=encoded)["predictions"] == expected


def test_a_table_is_answered_by_rows_and_by_columns(client: FlaskClient) -> None:
    rows = [{"amount": 3.5, "country": "de"}, {"amount": None, "country": "fr"}]
    expected = ours(client, "payments", *rows)
    assert ask(client, "payments:predict", instances=rows)["predictions"] == expected
    columns = {"amount": [3.5, None], "country": ["de", "fr"]}
    assert ask(client, "payments:predict", inputs=columns)["outputs"] == expected


def test_classify_and_regress_examples(client: FlaskClient) -> None:
    examples = [{"amount": 3.5}, {"amount": 9.0}]
    expected = ours(client, "payments", *({**one, "country": "de"} for one in examples))
    found = ask(client, "payments:classify", examples=examples, context={"country": "de"})["results"]
    assert found == [[["legitimate", one[0]], ["fraud", one[1]]] for one in expected]
    found = ask(client, "payments:regress", examples=examples, context={"country": "de"})["results"]
    assert found == [one[1] for one in expected]


@pytest.mark.parametrize("model", ["reviews", "payments"])
def test_a_context_counts_for_each_example(light: Path, model: str) -> None:
    app = create_app(Config(models=light, max_body=100_000, workers=1))
    assert app.extensions["service"].repository.wait(60)
    context = {"reviews": {"text": "good" * 250}, "payments": {"country": "d" * 1000}}[model]

    def post(examples: int) -> Any:
        body = {"examples": [{}] * examples, "context": context}
        return app.test_client().post(f"/v1/models/{model}:classify", data=json.dumps(body))

    assert len(post(50).get_json()["results"]) == 50
    refused = post(150)
    assert refused.status_code == 413
    assert "bytes for each of 150 examples, with the body more than 100,000: send fewer" in refused.get_json()["error"]


def test_a_context_has_no_names_that_the_model_lacks(client: FlaskClient) -> None:
    for model, hint in (("reviews", "the model has no input 'words'"), ("payments", "the model has no column 'words'")):
        body = {"examples": [{"text": "good"}], "context": {"words": 1}}
        response = client.post(f"/v1/models/{model}:classify", data=json.dumps(body))
        assert (response.status_code, hint in response.get_json()["error"]) == (400, True), response.text


def test_status_and_metadata(client: FlaskClient) -> None:
    ok = {"error_code": "OK", "error_message": ""}
    status = {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": ok}]}
    assert client.get("/v1/models/digits").get_json() == status
    assert client.get("/v1/models/digits/versions/1").get_json() == status
    metadata = client.get("/v1/models/digits/metadata").get_json()
    assert metadata["model_spec"]["version"] == "1"
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["image"]["dtype"] == "DT_UINT8"
    sizes = [one["size"] for one in signature["inputs"]["image"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", str(make.SIDE), str(make.SIDE), "1"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("digits:predict", {}, 400, "either 'instances' (rows) or 'inputs' (columns)"),
        ("digits:predict", {"instances": [1], "inputs": [1]}, 400, "either 'instances'"),
        ("digits:predict", {"instances": []}, 400, "'instances' is empty"),
        ("digits:predict", {"instances": [[1]]}, 400, "expected shape"),
        ("digits:predict", {"inputs": 5}, 400, "the input 'image' is a number"),
        ("digits:predict", {"inputs": {"picture": [1]}}, 400, "no input 'picture'"),
        ("digits:predict", {"instances": [1], "signature_name": "other"}, 400, "no signature 'other'"),
        ("payments:predict", {"inputs": [1]}, 400, "make it an object of columns"),
        ("payments:predict", {"inputs": {"amount": [1, 2], "country": ["de"]}}, 400, "has 1 rows where others have 2"),
        ("payments:predict", {"inputs": {"amount": ["x"]}}, 400, "column 'amount': expected a number"),
        ("payments:predict", {"inputs": {"time": [""]}}, 400, "column 'time': expected an ISO 8601 date"),
        ("payments:classify", {"examples": [5]}, 400, "expected an object"),
        ("payments:classify", {"examples": [{}], "context": 5}, 400, "'context' is a number"),
        ("payments:classify", {"examples": [{"country": "de"}], "context": {"country": 1.5}}, 400, "expected text"),
        ("payments:classify", {"examples": [{"a\0": 1}], "context": {}}, 400, "no column 'a"),
        ("payments:classify", {"examples": [5], "context": {"amount": 1}}, 400, "make it an object of features"),
        ("digits:regress", {"examples": [{"image": ONE.tolist()}]}, 400, "one number a row"),
        ("digit:predict", {"instances": [1]}, 404, "did you mean 'digits'"),
        ("digits/versions/7:predict", {"instances": [1]}, 404, "no version 7"),
        ("digits/labels/canary:predict", {"instances": [1]}, 404, "no label 'canary'"),
    ],
)
def test_what_is_refused(client: FlaskClient, path: str, body: Any, status: int, words: str) -> None:
    response = client.post(f"/v1/models/{path}", data=json.dumps(body))
    assert (response.status_code, words in response.get_json()["error"]) == (status, True), response.text


@pytest.mark.parametrize(
    ("path", "inputs", "words"),
    [
        ("half_plus_two:predict", {"x": []}, "the input 'x' has no rows"),
        ("pair:predict", {"n": [[1, 1]], "name": []}, "the input 'name' has 0 rows where others have 1"),
    ],
)
def test_columns_have_rows_and_as_many(plain_client: FlaskClient, path: str, inputs: Any, words: str) -> None:
    response = plain_client.post(f"/v1/models/{path}", data=json.dumps({"inputs": inputs}))
    assert (response.status_code, words in response.get_json()["error"]) == (400, True), response.text


def test_a_method_is_no_model(client: FlaskClient) -> None:
    for path in ("digits:predict", "digits/versions/1:classify", "digits/labels/stable:regress"):
        response = client.get(f"/v1/models/{path}")
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_an_answer_that_is_no_number_is_no_result(
    client: FlaskClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: object) -> dict[str, np.ndarray]:
        return {"probabilities": np.array([[np.nan, 0.5]], np.float32)}

    monkeypatch.setattr(Core, "run", run)
    response = client.post(f"/v1/models/payments:{method}", data=json.dumps({"examples": [{"amount": 1}]}))
    assert (response.status_code, "not a number" in response.get_json()["error"]) == (422, True)
