"""Columns that a model does not use are passed over and named in a header; alone, or if that is asked, refused."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from serving.codecs.responses import UNUSED_COLUMNS, unused_columns

ROW = {"amount": 1.5, "country": "de"}


def ask(client: FlaskClient, row: dict[str, Any], query: str = "") -> Any:
    body = json.dumps({"model": "payments", "instances": [ROW, row]})
    return client.post(f"/predict{query}", data=body, content_type="application/json")


def test_a_row_may_have_more_columns(client: FlaskClient) -> None:
    plain = ask(client, ROW)
    assert UNUSED_COLUMNS not in plain.headers
    more = ask(client, ROW | {"id": 7, "straße, 1": [1, 2], "note": None})
    assert more.get_json()["predictions"] == plain.get_json()["predictions"]
    # `id` is known from training.
    assert more.headers[UNUSED_COLUMNS] == "stra%C3%9Fe%2C 1, note"


def test_a_csv_may_have_more_columns(client: FlaskClient) -> None:
    def post(content: bytes, query: str = "") -> Any:
        return client.post(f"/predict?model=payments{query}", data=content, content_type="text/csv")

    plain = post(b"amount,country\n1.5,de\n")
    more = post(b"note,amount,,country\nx,1.5,y,de\n")
    assert more.get_json()["predictions"] == plain.get_json()["predictions"]
    assert more.headers[UNUSED_COLUMNS] == "note, column 3"
    assert (
        "no column 'note', 'column 3'"
        in post(b"note,amount,,country\nx,1.5,y,de\n", "&strict=true").get_json()["error"]
    )


def test_texts_as_csv_may_have_more_columns(client: FlaskClient) -> None:
    answer = client.post("/predict?model=reviews", data=b"id,text\n1,good\n", content_type="text/csv")
    assert (answer.status_code, answer.headers[UNUSED_COLUMNS]) == (200, "id")
    strict = client.post("/predict?model=reviews&strict", data=b"id,text\n1,good\n", content_type="text/csv")
    assert (strict.status_code, "no column 'id'" in strict.get_json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("row", "query", "status", "words"),
    [
        (ROW | {"note": 1}, "?strict=true", 400, "instance 1: the model has no column 'note'"),
        (ROW | {"note": 1}, "?strict=false", 200, ""),
        (ROW | {"id": 1}, "?strict=1", 200, ""),
        (ROW | {"note": 1}, "?strict=maybe", 400, "the URL says strict=maybe: give true or false"),
        (
            {"amuont": 1, "note": 2},
            "",
            400,
            "instance 1: the model has no column 'amuont', 'note': did you mean 'amount'?",
        ),
    ],
)
def test_what_is_refused(client: FlaskClient, row: dict[str, Any], query: str, status: int, words: str) -> None:
    answer = ask(client, row, query)
    assert answer.status_code == status
    assert words in answer.get_json().get("error", "")


def test_tensorflow_servings_rows_may_have_more_columns(client: FlaskClient) -> None:
    body = json.dumps({"instances": [ROW | {"note": 1}]})
    answer = client.post("/v1/models/payments:predict", data=body)
    assert (answer.status_code, answer.headers[UNUSED_COLUMNS]) == (200, "note")


def test_a_context_does_not_make_up_for_an_example_of_unknown_columns(client: FlaskClient) -> None:
    for example, status in (({"note": 1}, 400), ({"note": 1, "amount": 1}, 200), ({}, 200)):
        body = json.dumps({"context": {"country": "de"}, "examples": [example]})
        assert client.post("/v1/models/payments:regress", data=body).status_code == status


def test_a_header_names_the_first_of_many() -> None:
    ((_, value),) = unused_columns([f"c{index}\r\n" for index in range(30)])
    assert value.startswith("c0%0D%0A, c1%0D%0A")
    assert value.endswith(", and 10 more")
