"""Models made for TensorFlow Serving accept requests as in its documentation and their signatures."""

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow_models as make
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from serving.app import create_app
from serving.config import Config

HALF = "half_plus_two"
ALL = "classify_both, classify_to_classes, classify_x_to_y, regress_x2_to_y3, regress_x_to_y, regress_x_to_y2"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    models = tmp_path_factory.mktemp("signatures")
    make.half_plus_two(models)
    make.half_plus_two(models, "half_plus_three", added=3.0)
    make.one_by_one(models)
    make.matrix(models)
    make.several(models)
    app = create_app(Config(models=models, poll=0))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def post(client: FlaskClient, path: str, body: Any) -> Any:
    return client.post(f"/v1/models/{path}", data=json.dumps(body))


def ask(client: FlaskClient, path: str, **body: Any) -> Any:
    response = post(client, path, body)
    assert response.status_code == 200, response.text
    return response.get_json()


def test_the_documented_examples_answer_what_is_documented(client: FlaskClient) -> None:
    """The examples from https://www.tensorflow.org/tfx/serving/docker and api_rest, unchanged."""
    assert ask(client, f"{HALF}:predict", instances=[1.0, 2.0, 5.0]) == {"predictions": [2.5, 3.0, 4.5]}
    assert ask(client, "half_plus_three:predict", instances=[1.0, 2.0, 5.0]) == {"predictions": [3.5, 4.0, 5.5]}
    found = ask(client, "half_plus_three:regress", signature_name="regress_x_to_y", examples=[{"x": 1.0}, {"x": 2.0}])
    assert found == {"results": [3.5, 4.0]}
    status = client.get("/v1/models/half_plus_three").get_json()
    ok = {"error_code": "OK", "error_message": ""}
    assert status == {"model_version_status": [{"version": "123", "state": "AVAILABLE", "status": ok}]}


def test_all_signatures_are_told_as_tensorflow_serving_tells_them(client: FlaskClient) -> None:
    found = client.get("/v1/models/half_plus_three/metadata").get_json()
    assert found["model_spec"] == {"name": "half_plus_three", "signature_name": "", "version": "123"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert ", ".join(signatures) == f"{ALL}, serving_default"
    column = {"dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}], "unknown_rank": False}
    assert signatures["serving_default"] == {
        "inputs": {"x": {"dtype": "DT_FLOAT", "tensor_shape": column, "name": "x:0"}},
        "outputs": {"y": {"dtype": "DT_FLOAT", "tensor_shape": column, "name": "y:0"}},
        "method_name": "tensorflow/serving/predict",
    }
    text = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    regress = signatures["regress_x_to_y"]
    assert regress["inputs"] == {"inputs": {"dtype": "DT_STRING", "tensor_shape": text, "name": "tf_example:0"}}
    assert regress["method_name"] == "tensorflow/serving/regress"
    found = client.get("/v1/models/several/metadata").get_json()["metadata"]["signature_def"]["signature_def"]
    assert found["scaled"]["inputs"]["scale"]["tensor_shape"] == {"dim": [], "unknown_rank": False}
    assert found["__saved_model_init_op"]["outputs"]["__saved_model_init_op"]["dtype"] == "DT_INVALID"


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (f"{HALF}/versions/00000123:predict", {"instances": [[1.0], [2.0]]}, {"predictions": [[2.5], [3.0]]}),
        (f"{HALF}:predict", {"instances": [{"x": 1.0}, {"x": 2.0}]}, {"predictions": [2.5, 3.0]}),
        (f"{HALF}:predict", {"inputs": {"x": [1.0, 2.0]}}, {"outputs": [2.5, 3.0]}),
        (f"{HALF}:predict", {"inputs": [[1.0]], "signature_name": "serving_default"}, {"outputs": [[2.5]]}),
        ("column:predict", {"instances": [1.0, 2.0, 5.0]}, {"predictions": [2.5, 3.0, 4.5]}),
        ("matrix:predict", {"instances": [[1.0], [2.0]]}, {"predictions": [[0.5], [1.0]]}),
        ("several:predict", {"signature_name": "double", "instances": [1.5, 2]}, {"predictions": [3.0, 4.0]}),
        (
            "several:predict",
            {"signature_name": "shout", "instances": ["ab", {"b64": "Y2Q="}]},
            {"predictions": [{"length": 2, "text": "AB"}, {"length": 2, "text": "CD"}]},
        ),
        # The name of this output marks it as bytes.
        (
            "several:predict",
            {"signature_name": "reverse", "instances": [{"b64": "AA=="}, {"image_bytes": {"b64": "YWI="}}]},
            {"predictions": [{"b64": "AAA="}, {"b64": "YWJhYg=="}]},
        ),
        (
            "several:predict",
            {"signature_name": "scaled", "inputs": {"scale": 3.0, "x": [1.0, 2.0]}},
            {"outputs": {"mean": 1.5, "y": [3.0, 6.0]}},
        ),
        ("several:predict", {"signature_name": "total", "inputs": [[1.0, 2.0], [3.0, 4.0]]}, {"outputs": 10.0}),
    ],
)
def test_predict(client: FlaskClient, path: str, body: Any, answer: Any) -> None:
    assert ask(client, path, **body) == answer


@pytest.mark.parametrize(
    ("path", "signature", "examples", "context", "results"),
    [
        (f"{HALF}:regress", "regress_x_to_y", [{"x": 1.0}, {"x": [2.0]}], {}, [2.5, 3.0]),
        (f"{HALF}:regress", "regress_x_to_y2", [{}, {"x": 3.0}], {"x": 7.0}, [6.5, 4.5]),
        (f"{HALF}:regress", "", [1.0, 2.0], None, [2.5, 3.0]),
        (f"{HALF}:classify", "classify_x_to_y", [{"x": 1.0}], None, [[["", 2.5]]]),
        (f"{HALF}:classify", "classify_to_classes", [{"x": 1.0}], None, [[["2.000000", 0.0]]]),
        (f"{HALF}:classify", "classify_both", [{"x": 1.0}, {"x": 2.0}], None, [[["2.000000", 2.5]], [["3.000000", 3]]]),
        (
            "several:classify", "classify", [{"age": 3}, {"age": [30]}, {"age": True}], None,
            [[["child", 1], ["adult", 0]], [["child", 0], ["adult", 1]], [["child", 1], ["adult", 0]]],
        ),
        ("several:regress", "regress", [{"words": ["a", "bc"]}, {"words": {"b64": "YWI="}}, {}], {}, [3, 2, 0]),
        ("several:regress", "regress", [{"words": []}, {}], {"words": "héé"}, [0, 5]),
        ("several:regress", "regress", [{"words": ["b"]}, {"x": 1}], {"words": ["a", "bc"], "x": "c"}, [1, 3]),
    ],
)  # fmt: skip
def test_classify_and_regress(
    client: FlaskClient, path: str, signature: str, examples: list[Any], context: Any, results: list[Any]
) -> None:
    found = ask(client, path, signature_name=signature, examples=examples, context=context)
    assert found == {"results": results}


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"{HALF}:predict", {"instances": [1], "signature_name": "other"}, 400, f"give one of: {ALL}, serving_default"),
        (f"{HALF}:predict", {"instances": [1], "signature_name": 5}, 400, "'signature_name' is a number"),
        (f"{HALF}:predict", {"instances": [[1, 2]]}, 400, "expected shape (1,), found (2,)"),
        ("matrix:predict", {"instances": [1.0, 2.0]}, 422, "'x': expected shape (any, 1), found (2,)"),
        ("matrix:predict", {"inputs": [[[1.0]]]}, 422, "'x': expected shape (any, 1), found (1, 1, 1)"),
        ("several:predict", {"instances": [1.0]}, 400, "name one as 'signature_name': classify, double"),
        ("several:predict", {"signature_name": "__saved_model_init_op", "instances": [1]}, 400, "not for requests"),
        ("several:predict", {"signature_name": "total", "instances": [[1.0]]}, 422, "not one row an instance"),
        ("several:predict", {"signature_name": "scaled", "instances": [{"x": 1.0, "scale": 2}]}, 400, "send columns"),
        ("several:predict", {"signature_name": "scaled", "inputs": {"x": [], "scale": 2}}, 400, "'x' has no rows"),
        ("several:predict", {"signature_name": "scaled", "inputs": {"x": 1.0, "scale": 2}}, 400, "found ()"),
        ("several:predict", {"signature_name": "scaled", "inputs": {"x": [1.0], "scale": [2]}}, 400, "found (1,)"),
        ("several:predict", {"signature_name": "shout", "instances": [1]}, 400, "expected text, found a number"),
        (f"{HALF}:classify", {"examples": [{"x": 1.0}]}, 400, "as signature_name one of: classify_both"),
        (f"{HALF}:regress", {"examples": [{"x": 1.0}], "signature_name": "classify_both"}, 400, "classifies"),
        (f"{HALF}:regress", {"examples": [{"x": 1.0}], "signature_name": "regress_x2_to_y3"}, 400, "takes no examples"),
        (
            "several:classify",
            {"examples": [{"age": 3.5}], "signature_name": "classify"},
            422,
            "float but expected",
        ),
        ("several:classify", {"examples": [{}], "signature_name": "classify"}, 422, "age"),
        ("several:classify", {"examples": [5], "signature_name": "classify"}, 400, "make it an object of features"),
        ("several:classify", {"examples": [{"age": None}], "signature_name": "classify"}, 400, "found null"),
        ("several:classify", {"examples": [{"age": {}}], "signature_name": "classify"}, 400, "found an object"),
        ("several:classify", {"examples": [{"age": [[1]]}], "signature_name": "classify"}, 400, "found a list"),
        ("several:classify", {"examples": [{"age": [1, 2.5]}], "signature_name": "classify"}, 400, "write all of them"),
        ("several:classify", {"examples": [{"age": 2**63}], "signature_name": "classify"}, 400, "beyond 64 bits"),
        ("several:classify", {"examples": [{"age": 1e39}], "signature_name": "classify"}, 400, "that fit float32"),
        ("several:classify", {"examples": [{"age": {"b64": "?"}}], "signature_name": "classify"}, 400, "not base64"),
        ("several:classify", {"examples": [], "signature_name": "classify"}, 400, "'examples' is empty"),
        (
            "several:classify",
            {"examples": [{}], "context": [], "signature_name": "classify"},
            400,
            "'context' is",
        ),
    ],
)
def test_what_is_refused(client: FlaskClient, path: str, body: Any, status: int, words: str) -> None:
    response = post(client, path, body)
    message = response.get_json()["error"]
    assert (response.status_code, words in message) == (status, True), response.text
    assert "\n" not in message
    assert "/" not in message.replace("/versions/", "").replace("/v1/", "")


values = st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=5)
documents = st.recursive(
    values, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=3)
)
keys = st.sampled_from(["instances", "inputs", "examples", "context"])
signatures = st.sampled_from(["classify", "regress", "shout", "scaled", "total", "reverse", "", "x"]) | values


@given(
    st.sampled_from([f"{HALF}:classify", "several:classify", "several:regress", "several:predict"]),
    st.dictionaries(keys, documents, max_size=3),
    signatures,
)
def test_no_body_breaks_them(client: FlaskClient, path: str, body: dict[str, Any], signature: Any) -> None:
    assert post(client, path, body | {"signature_name": signature}).status_code in (200, 400, 422)


def test_a_context_counts_for_each_example(client: FlaskClient) -> None:
    asked = {"signature_name": "regress", "context": {"words": "a" * 100_000}}
    assert ask(client, "several:regress", **asked, examples=[{}] * 5) == {"results": [100_000] * 5}
    response = post(client, "several:regress", asked | {"examples": [{}] * 5000})
    assert (response.status_code, "bytes for each of 5,000 examples" in response.text) == (413, True), response.text


@given(st.dictionaries(st.sampled_from(["age", "words", "x", "a\0", "é"]), documents, max_size=3))
def test_no_features_break_them(client: FlaskClient, features: dict[str, Any]) -> None:
    for path, name in (("several:classify", "classify"), ("several:regress", "regress"), (f"{HALF}:regress", "")):
        body = {"examples": [features], "context": features, "signature_name": name}
        assert post(client, path, body).status_code in (200, 400, 422)


def test_the_document_is_valid_and_its_examples_answer(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    validate(document)
    asked = [
        (path, one["value"])
        for path, operations in document["paths"].items()
        if "post" in operations
        for one in operations["post"]["requestBody"]["content"].get("application/json", {}).get("examples", {}).values()
    ]
    assert len(asked) > 10
    for path, value in asked:
        assert client.post(path, data=json.dumps(value)).status_code == 200, path


def test_only_a_signature_that_can_be_asked_is_offered(tmp_path: Path) -> None:
    """A dtype that JSON cannot hold disables one signature, not the model."""
    tf = pytest.importorskip("tensorflow")
    more = {"complex": (lambda _, z: {"y": tf.math.real(z)}, make.x([None], tf.complex64, "z"))}
    make.several(tmp_path, **more)
    app = create_app(Config(models=tmp_path, poll=0))
    assert app.extensions["service"].repository.wait(60)
    client = app.test_client()
    response = post(client, "several:predict", {"signature_name": "complex", "instances": [1]})
    assert (response.status_code, "complex64, which JSON cannot hold" in response.text) == (400, True)
    assert ask(client, "several:predict", signature_name="double", instances=[1]) == {"predictions": [2]}
