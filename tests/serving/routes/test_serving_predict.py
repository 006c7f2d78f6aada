"""Responses to valid requests."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_models as make
from flask.testing import FlaskClient
from PIL import Image

from serving.engines import select
from suite.artifact import read_card

ONE = np.random.default_rng(1).integers(0, 256, (make.SIDE, make.SIDE, 1), np.uint8)
Json = dict[str, Any]


def ask(client: FlaskClient, **body: Any) -> Json:
    response = client.post("/predict", data=json.dumps(body))
    assert response.status_code == 200, response.text
    answer: Json = response.get_json()
    return answer


def png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(file, "PNG")
    return file.getvalue()


def encoded(picture: np.ndarray) -> str:
    return base64.b64encode(png(picture)).decode()


def test_pictures_in_several_forms_go_together(client: FlaskClient) -> None:
    forms = [ONE.tolist(), ONE[..., 0].tolist(), encoded(ONE), {"image": ONE.tolist()}]
    for mixed in (forms[:2], forms[1::-1], forms):
        first, *others = ask(client, model="digits", instances=mixed)["predictions"]
        assert all(other == first for other in others)


def test_values_and_objects_go_together_where_there_is_one_input(plain_client: FlaskClient) -> None:
    for mixed in ([1.0, {"x": 2.0}], [{"x": 1.0}, 2.0]):
        assert ask(plain_client, model="half_plus_two", instances=mixed)["predictions"] == [2.5, 3.0]


def test_numbers_are_as_exact_as_the_model_takes_them(client: FlaskClient, plain_client: FlaskClient) -> None:
    for most in (2**63 - 2, -(2**63) + 1):
        (answer,) = ask(plain_client, model="pair", instances=[{"name": "", "n": [most, 1.0]}])["predictions"]
        assert answer["total"] == most + 1
    # If a model takes floats, integers of more than 64 bits are valid numbers.
    assert ask(plain_client, model="half_plus_two", instances=[10**25, -(2**64)])["predictions"] == [5e24, -9.223372e18]
    text = f'{{"model": "reviews", "instances": ["{10**25}, \\"{10**25}"], "version": 1}}'
    assert client.post("/predict", data=text).status_code == 200
    coded = [{"country": code} for code in ("7", 7, 7.0)]
    first, *others = ask(client, model="payments", instances=coded)["predictions"]
    assert others == [first, first]


def test_an_answer_says_who_gave_it_and_what_it_is(client: FlaskClient, light: Path) -> None:
    answer = ask(client, model="digits", instances=[ONE.tolist()])
    assert (answer["model"], answer["version"], answer["engine"]) == ("digits", 1, "litert")
    assert 0 < answer["milliseconds"] < 10_000
    (prediction,) = answer["predictions"]
    folder = light / "digits/1"
    (expected,) = select.load(folder, read_card(folder)).run({"image": ONE[None]})["probabilities"]
    assert list(prediction["probabilities"]) == ["zero", "one", "two"]
    np.testing.assert_allclose(list(prediction["probabilities"].values()), expected, rtol=1e-6)
    assert prediction["label"] == ["zero", "one", "two"][int(expected.argmax())]
    assert prediction["score"] == max(prediction["probabilities"].values())


def test_a_picture_may_be_written_in_many_ways(client: FlaskClient) -> None:
    ways = [ONE.tolist(), ONE[:, :, 0].tolist(), ONE.astype(float).tolist(), encoded(ONE), {"b64": encoded(ONE)}]
    mixed = ask(client, model="digits", instances=ways)["predictions"]
    assert all(prediction == mixed[0] for prediction in mixed)
    for way in ways:
        assert ask(client, model="digits", instances=[way])["predictions"] == mixed[:1]


def test_colour_pictures_keep_their_channels(client: FlaskClient) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (make.SIDE, make.SIDE, 3), np.uint8)
    answer = ask(client, model="colours", instances=[picture.tolist(), encoded(picture)])
    assert answer["predictions"][0] == answer["predictions"][1]


def test_pictures_are_uploaded_as_a_form(client: FlaskClient) -> None:
    other = 255 - ONE
    expected = ask(client, model="digits", instances=[ONE.tolist(), other.tolist()])["predictions"]
    form = {"model": "digits", "version": "1", "file": [(io.BytesIO(png(x)), "x.png") for x in (ONE, other)]}
    response = client.post("/predict", data=form)
    assert response.status_code == 200, response.text
    assert response.get_json()["predictions"] == expected


def test_ten_thousand_instances_work(client: FlaskClient) -> None:
    answer = ask(client, model="digits", instances=[ONE[:, :, 0].tolist()] * 10_000)
    assert len(answer["predictions"]) == 10_000
    assert answer["predictions"][0] == answer["predictions"][-1]


def test_texts(client: FlaskClient) -> None:
    answer = ask(client, model="reviews", instances=["good good", {"text": "good good"}, "", "χαρά 😀 \u0000"])
    assert answer["predictions"][0] == answer["predictions"][1]
    assert len(answer["predictions"]) == 4


def test_a_table_row_with_a_threshold(client: FlaskClient) -> None:
    rows = [
        {"amount": 12.5, "country": "de", "weekend": True, "time": "2020-09-13T12:26:40Z", "id": "x"},
        {"amount": 12.5, "country": "de", "weekend": 1, "time": 1_600_000_000},
        {"amount": 900, "country": "??", "weekend": 0, "time": "1999-01-01"},
    ]
    first, second, third = ask(client, model="payments", instances=rows)["predictions"]
    assert first == second
    for prediction in (first, third):
        assert prediction["score"] == prediction["probabilities"]["fraud"]
        assert prediction["threshold"] == make.THRESHOLD
        assert prediction["flagged"] == (prediction["score"] >= make.THRESHOLD)
        assert prediction["label"] == ("fraud" if prediction["flagged"] else "legitimate")
    assert {first["flagged"], third["flagged"]} == {True, False}


def test_missing_null_and_absent_columns_are_the_same(client: FlaskClient) -> None:
    nothing = dict.fromkeys(("amount", "country", "weekend", "time"))
    first, second = ask(client, model="payments", instances=[nothing, {}])["predictions"]
    assert first == second


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", ""])
def test_the_content_type_of_json_does_not_matter(client: FlaskClient, content_type: str) -> None:
    body = json.dumps({"model": "reviews", "instances": ["good"]})
    response = client.post("/predict", data=body, headers={"Content-Type": content_type})
    assert response.status_code == 200, response.text


def test_one_model_need_not_be_named(plain_client: FlaskClient, alone: FlaskClient) -> None:
    assert ask(alone, instances=["good"])["model"] == "reviews"
    response = plain_client.post("/predict", data='{"instances": [[1, 2]]}')
    assert response.status_code == 400
    assert "halves, pair" in response.get_json()["error"]


def test_a_model_without_a_card_is_served_through_its_signature(plain_client: FlaskClient) -> None:
    answer = ask(plain_client, model="halves", instances=[[1, 2], [0.5, -3]])
    assert answer["engine"] == "tf"
    assert answer["predictions"] == [[0.5, 1], [0.25, -1.5]]
    assert ask(plain_client, model="halves", instances=[{"x": [0.2, 4]}])["predictions"] == [[0.1, 2]]
    answer = ask(plain_client, model="pair", instances=[{"name": "Zoë", "n": [1, 2]}, {"name": "", "n": [3, -4]}])
    assert answer["predictions"] == [{"greeting": "hello Zoë", "total": 3}, {"greeting": "hello ", "total": -1}]


def test_models_are_described(client: FlaskClient, plain_client: FlaskClient) -> None:
    found = {model["name"]: model for model in client.get("/models").get_json()["models"]}
    assert sorted(found) == ["colours", "digits", "payments", "reviews"]
    assert found["digits"]["state"] == "ready"
    assert found["digits"]["inputs"] == [{"name": "image", "kind": "image", "dtype": "uint8", "shape": [8, 8, 1]}]
    assert found["payments"]["threshold"] == make.THRESHOLD
    plain = {model["name"]: model for model in plain_client.get("/models").get_json()["models"]}
    assert plain["halves"]["inputs"] == [{"name": "x", "dtype": "float32", "shape": [None, 2]}]


def test_health_and_index(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"state": "alive"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["state"]) == (200, "ready")
    assert "POST /predict" in client.get("/").get_json()["routes"]
