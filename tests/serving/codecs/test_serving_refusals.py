"""The response to an invalid request has a status and one helpful line, always in JSON."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
import serving_models as make
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from serving.app import create_app
from serving.config import Config

ROW = [0] * make.SIDE
GREY = [ROW] * make.SIDE
NOT_A_PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n broken").decode()
HUGE = 10**39
COLUMNS = ["amount", "country", "weekend", "time", "id", "text", "b64", "x", "name", "n"]


def ask(client: FlaskClient, body: Any, **more: Any) -> tuple[int, str]:
    """Return status and message."""
    response = client.post("/predict", data=body if isinstance(body, str | bytes) else json.dumps(body), **more)
    assert response.content_type == "application/json"
    return response.status_code, response.get_json()["error"]


def picture(*instances: Any) -> dict[str, Any]:
    return {"model": "digits", "instances": list(instances)}


def payment(**columns: Any) -> dict[str, Any]:
    return {"model": "payments", "instances": [{}, columns]}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("", 400, "the body is empty"),
        ("instances=1", 400, "the body is not JSON (Expecting value: line 1 column 1"),
        ('{"instances": [1,]}', 400, "not JSON"),
        (b'{"instances": ["\xff"]}', 400, "not JSON"),
        ('{"instances": [NaN]}', 400, "holds NaN, which is not JSON: use null"),
        ('{"instances": [-Infinity]}', 400, "holds -Infinity"),
        ('{"instances": [1e999]}', 400, "not JSON"),
        (f'{{"model": "payments", "instances": [{{"amount": {HUGE}}}]}}', 400, "expected a number, found 1e+39"),
        ("[" * 100_000 + "]" * 100_000, 400, "too deep"),
        ('{"model": "digits", "instances": ' + "[" * 900 + "]" * 900 + "}", 400, "lists in each other, 899 deep"),
        ("[1]", 400, "the body is a list: send an object"),
        ("5", 400, "the body is a number"),
        ({}, 400, "no 'instances'"),
        ({"instances": []}, 400, "'instances' is empty"),
        ({"instances": "good"}, 400, "'instances' is text: make it a list"),
        ({"instances": [1], "inputs": 1, "treshold": 1}, 400, "unknown key 'inputs', 'treshold': there are: model"),
        ('{"model": "digits", "model": "reviews", "instances": [1]}', 400, "stands twice"),
        ({"model": 5, "instances": [1]}, 400, "'model' is a number"),
        ({"model": "digits", "version": "1", "instances": [1]}, 400, "'version' is text"),
        ({"model": "digits", "version": True, "instances": [1]}, 400, "'version' is true"),
        ({"instances": ["good"]}, 400, "say which 'model' is asked: there are: colours, digits, payments, reviews"),
        ({"model": "digit", "instances": ["good"]}, 404, "no model 'digit': did you mean 'digits'?"),
        ({"model": "../digits", "instances": ["good"]}, 404, "no model"),
        ({"model": "digits", "version": 7, "instances": ["good"]}, 404, "no version 7 of 'digits': there are: 1"),
        ({"model": "digits", "version": -1, "instances": ["good"]}, 404, "no version -1"),
        (picture(GREY[1:]), 400, "instance 0: expected shape (8, 8), found shape (7, 8)"),
        (picture(GREY, [ROW[1:]] * 8), 400, "instance 1: expected shape (8, 8), found shape (8, 7)"),
        (picture([[[0, 0, 0]] * 8] * 8), 400, "instance 0: expected shape (8, 8, 1), found shape (8, 8, 3)"),
        (picture([*GREY[1:], ROW[1:]]), 400, "instance 0[7] is ragged: expected a list of 8, found 7"),
        (picture([*GREY[1:], [[], [0, 0], *ROW[2:]]]), 400, "instance 0[7][0]: expected a number, found a list"),
        (picture([*GREY[1:], [*ROW[1:], None]]), 400, "instance 0[7][7]: expected a number, found null"),
        (picture([*GREY[1:], [*ROW[1:], True]]), 400, "instance 0[7][7]: expected a number, found true"),
        (picture([*GREY[1:], [*ROW[1:], "1"]]), 400, "instance 0[7][7]: expected a number, found text"),
        (picture([*GREY[1:], 0]), 400, "instance 0[7]: expected a list of 8, found a number"),
        (picture(GREY, [*GREY[1:], [*ROW[1:], 256]]), 400, "instance 1: expected whole numbers from 0 to 255"),
        (picture([*GREY[1:], [*ROW[1:], -1]]), 400, "whole numbers from 0 to 255"),
        (picture([*GREY[1:], [*ROW[1:], 0.5]]), 400, "whole numbers from 0 to 255"),
        (picture([*GREY[1:], [*ROW[1:], 2**64 - 1]]), 400, "whole numbers from 0 to 255"),
        (picture(5), 400, "instance 0: expected a picture"),
        (picture({"b46": ""}), 400, "instance 0: expected"),
        (picture({"b64": 5}), 400, "expected base64 text under 'b64', found a number"),
        (picture(GREY, "n0 base64!"), 400, "instance 1: the text is not base64"),
        (picture("é"), 400, "not base64"),
        (picture(""), 400, "instance 0: this is no picture"),
        (picture(NOT_A_PICTURE), 400, "instance 0:"),
        ({"model": "reviews", "instances": ["good", 5]}, 400, "instance 1: expected text"),
        ({"model": "reviews", "instances": [{"txt": "good"}]}, 400, "instance 0: expected text"),
        ({"model": "reviews", "instances": [{"text": None}]}, 400, "found null"),
        (payment(amuont=1), 400, "instance 1: the model has no column 'amuont': did you mean 'amount'?"),
        (payment(amount="12"), 400, "instance 1, column 'amount': expected a number, found '12'"),
        (payment(amount=True), 400, "column 'amount': expected a number, found true"),
        (payment(amount=1e39), 400, "column 'amount': expected a number, found 1e+39"),
        (payment(amount=[[1]]), 400, "column 'amount': expected a number, found a list"),
        (payment(weekend=2), 400, "column 'weekend': expected true or false, found 2"),
        (payment(weekend="true"), 400, "expected true or false, found 'true'"),
        (payment(time="yesterday"), 400, "column 'time': expected an ISO 8601 date or seconds since 1970"),
        (payment(time="0001-01-01T00:00:00+14:00"), 200, ""),
        (payment(country=1.5), 400, "column 'country': expected text, found 1.5"),
        ({"model": "payments", "instances": [[1, 2]]}, 400, "instance 0: expected an object by column name"),
    ],
)  # fmt: skip
def test_bad_bodies(client: FlaskClient, body: Any, status: int, words: str) -> None:
    if status == 200:
        assert client.post("/predict", data=json.dumps(body)).status_code == 200
    else:
        found, message = ask(client, body)
        assert (found, words in message) == (status, True), message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "halves", "instances": [[1, 2, 3]]}, "instance 0: expected shape (2,), found (3,)"),
        ({"model": "halves", "instances": [[1, 2], [1]]}, "instance 1: expected shape (2,), found shape (1,)"),
        ({"model": "halves", "instances": [[1, 1e39]]}, "numbers that fit float32"),
        ({"model": "pair", "instances": [{"name": "a", "n": [-(2**63) - 1, 0]}]}, "whole numbers from -9223"),
        ({"model": "pair", "instances": [{"name": "a", "n": [2**63 - 1, 0.5]}]}, "whole numbers from -9223"),
        ({"model": "halves", "instances": [5]}, "expected shape (2,), found ()"),
        ({"model": "halves", "instances": [{"z": [1, 2]}]}, "there is no input 'z'"),
        ({"model": "pair", "instances": [{"name": "a"}]}, "the input 'n' is missing"),
        ({"model": "pair", "instances": [{"name": 1, "n": [1, 2]}]}, "expected text, found a number"),
        ({"model": "pair", "instances": [{"name": "a", "n": [1, 2.5]}]}, "whole numbers"),
        ({"model": "pair", "instances": ["a"]}, "expected an object by input name"),
    ],
)
def test_bad_bodies_for_a_model_without_a_card(plain_client: FlaskClient, body: Any, words: str) -> None:
    status, message = ask(plain_client, body)
    assert (status, words in message) == (400, True), message


def test_too_many_instances(client: FlaskClient) -> None:
    assert ask(client, {"model": "reviews", "instances": ["a"] * 10_001})[0] == 413


def test_a_body_over_the_limit(light: Path) -> None:
    app = create_app(Config(models=light, max_body=1000))
    status, message = ask(app.test_client(), "x" * 1001)
    assert (status, "larger than 1,000 bytes" in message) == (413, True)


def test_pictures_that_would_not_fit_in_memory(light: Path) -> None:
    app = create_app(Config(models=light, max_elements=100))
    assert app.extensions["service"].repository.wait(30)
    assert ask(app.test_client(), picture("", ""))[0] == 413


@pytest.mark.parametrize("content_type", ["application/xml", "application/octet-stream", "image/tiff"])
def test_wrong_content_type(client: FlaskClient, content_type: str) -> None:
    status, message = ask(client, b"x", content_type=content_type)
    assert (status, content_type in message) == (415, True)


def test_encoded_body(client: FlaskClient) -> None:
    assert ask(client, b"\x1f\x8b", headers={"Content-Encoding": "br"})[0] == 415


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"model": "digits"}, 400, "no file in the form"),
        ({"model": "digits", "file": (io.BytesIO(b"no"), "a.png")}, 400, "file 0: this is no picture"),
        ({"model": "reviews", "file": (io.BytesIO(b"no"), "a.png")}, 400, "takes no pictures"),
        ({"model": "digits", "version": "new", "file": (io.BytesIO(b"no"), "a.png")}, 400, "give a whole number"),
        ({"model": "digits", "version": "9" * 5000, "file": (io.BytesIO(b"no"), "a.png")}, 400, "give a whole number"),
        ({"modle": "digits", "file": (io.BytesIO(b"no"), "a.png")}, 400, "did you mean 'model'"),
    ],
)
def test_bad_uploads(client: FlaskClient, form: dict[str, Any], status: int, words: str) -> None:
    response = client.post("/predict", data=form, content_type="multipart/form-data")
    assert (response.status_code, words in response.get_json()["error"]) == (status, True), response.text


def test_wrong_method_and_url(client: FlaskClient) -> None:
    response = client.get("/predict")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert "use " in response.get_json()["error"]
    response = client.get("/nothing")
    assert (response.status_code, "nothing at /nothing" in response.get_json()["error"]) == (404, True)


@pytest.mark.parametrize("path", ["/broken", "/predict"])
def test_what_nobody_foresaw_tells_nothing_but_an_id(
    light: Path, path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Config(models=light))

    def broken(*given: object) -> str:
        raise RuntimeError("secret at /etc/place")

    app.add_url_rule("/broken", view_func=broken, methods=["POST"])
    monkeypatch.setattr(app.extensions["service"], "decode", broken)
    app.extensions["service"].repository.wait(60)
    response = app.test_client().post(path, data=json.dumps({"model": "digits", "instances": [1]}))
    assert response.status_code == 500
    assert "secret" not in response.text
    number = response.headers["X-Request-Id"]
    assert number in response.get_json()["error"]
    assert number in caplog.text
    assert "secret at /etc/place" in caplog.text


values = st.none() | st.booleans() | st.integers(-(2**64), 2**65) | st.floats() | st.text(max_size=5)
keys = st.sampled_from(COLUMNS) | st.text(max_size=3)
documents = st.recursive(values, lambda x: st.lists(x, max_size=3) | st.dictionaries(keys, x, max_size=4))


@given(st.sampled_from(["digits", "colours", "reviews", "payments"]), st.lists(documents, max_size=3))
def test_no_instances_break_the_service(client: FlaskClient, model: str, instances: list[Any]) -> None:
    response = client.post("/predict", data=json.dumps({"model": model, "instances": instances}))
    assert response.status_code in (200, 400, 422), response.text
    assert response.is_json


@given(st.sampled_from(["halves", "pair"]), st.lists(documents, max_size=3))
def test_no_instances_break_a_model_without_a_card(plain_client: FlaskClient, model: str, instances: list[Any]) -> None:
    response = plain_client.post("/predict", data=json.dumps({"model": model, "instances": instances}))
    assert response.status_code in (200, 400, 422), response.text


@given(st.binary(max_size=60) | documents.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_service(client: FlaskClient, body: bytes) -> None:
    assert client.post("/predict", data=body).status_code == 400
