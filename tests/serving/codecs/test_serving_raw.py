"""Bodies that are a raw value, and compressed bodies."""

import csv
import gzip
import io
import json
import zlib
from typing import Any

import numpy as np
import pytest
import serving_models as make
import zstandard
from flask.testing import FlaskClient
from PIL import Image

from serving.codecs import csv as csv_table
from serving.codecs.base import Limits
from serving.deadline import NO_DEADLINE
from serving.http.content_encoding import MAX_ACCEPTED_SIZE

PICTURES = np.random.default_rng(2).integers(0, 256, (2, make.SIDE, make.SIDE, 1), np.uint8)
BODY = json.dumps({"model": "digits", "instances": PICTURES.tolist()}).encode()
ENCODE = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}


def npy(x: Any, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, x, allow_pickle=allow_pickle)
    return file.getvalue()


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PICTURES[0, :, :, 0]).save(file, kind)
    return file.getvalue()


def ask(client: FlaskClient, path: str, body: bytes, kind: str, status: int = 200) -> Any:
    response = client.post(path, data=body, content_type=kind)
    assert response.status_code == status, response.text
    return response.get_json()["predictions" if status == 200 else "error"]


@pytest.fixture
def expected(client: FlaskClient) -> Any:
    return ask(client, "/predict", BODY, "application/json")


def test_an_array(client: FlaskClient, expected: Any) -> None:
    for x in (PICTURES, PICTURES[..., 0], PICTURES.astype("float64")):
        assert ask(client, "/predict?model=digits", npy(x), "application/x-npy") == expected


def test_a_picture_and_a_text(client: FlaskClient, expected: Any) -> None:
    assert ask(client, "/predict?model=digits&version=1", picture("PNG"), "image/png") == expected[:1]
    assert len(ask(client, "/predict?model=digits", picture("JPEG"), "image/jpeg")) == 1
    as_json = ask(client, "/predict", b'{"model": "reviews", "instances": ["good"]}', "application/json")
    assert ask(client, "/predict?model=reviews", b"good", "text/plain") == as_json


def test_rows_of_a_table(client: FlaskClient) -> None:
    text = 'id,amount,weekend,time,country\n1,3.5,yes,2020-01-01,de\n2,,no,,"fr"\n'
    rows = [{"amount": 3.5, "weekend": True, "time": "2020-01-01", "country": "de"}, {"weekend": 0, "country": "fr"}]
    body = json.dumps({"model": "payments", "instances": rows}).encode()
    assert ask(client, "/predict?model=payments", text.encode(), "text/csv") == ask(client, "/predict", body, "")
    assert len(ask(client, "/predict?model=reviews", b"text\ngood\nbad\n", "text/csv")) == 2


def test_a_csv_is_read_as_spreadsheets_write_it(client: FlaskClient) -> None:
    texts = ["a film,\nin two lines", 'with "quotes"', "a \u2028 b \x0c c \x85 d", "last\r\nline"]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["text"], *([one] for one in texts)])
    body = json.dumps({"model": "reviews", "instances": texts}).encode()
    expected = ask(client, "/predict", body, "application/json")
    for mark in ("", "\ufeff"):
        assert ask(client, "/predict?model=reviews", (mark + file.getvalue()).encode(), "text/csv") == expected
    (read,) = csv_table.read(file.getvalue(), Limits(), NO_DEADLINE).values()
    assert read == texts


@pytest.mark.parametrize(
    ("model", "body", "kind", "words"),
    [
        ("digits", b"no array", "application/x-npy", "no .npy file"),
        ("digits", npy(np.array([{}], object), allow_pickle=True), "application/x-npy", "no .npy file of numbers"),
        ("digits", npy(PICTURES)[:-9], "application/x-npy", "no .npy file"),
        ("digits", npy(np.float32(1)), "application/x-npy", "no rows"),
        ("digits", npy(PICTURES.astype(int) * 2), "application/x-npy", "whole numbers from 0 to 255"),
        ("digits", npy(PICTURES[:, 1:]), "application/x-npy", "expected shape (any, 8, 8, 1), found (2, 7, 8, 1)"),
        ("digits", b"no picture", "image/png", "no picture"),
        ("digits", b"a,b\n1,2\n", "text/csv", "takes no CSV"),
        ("reviews", b"\xff", "text/plain", "no text in UTF-8"),
        ("reviews", b"a,b\n1,2\n", "text/csv", "no column 'text'"),
        ("payments", b"", "text/csv", "has no rows"),
        ("payments", b"amount\n", "text/csv", "has no rows"),
        ("payments", b"amount,country\n1\n", "text/csv", "line 2 of the CSV has 1 values where the first has 2"),
        ("payments", b"amount,amount\n1,2\n", "text/csv", "stands twice"),
        ("payments", b"amuont\n1\n", "text/csv", "did you mean 'amount'"),
        ("payments", b"amount\n1e39\n", "text/csv", "row 0, column 'amount': expected a number, found '1e39'"),
        ("payments", b"amount\nmuch\n", "text/csv", "row 0, column 'amount': expected a number, found 'much'"),
    ],
)
def test_what_is_refused(client: FlaskClient, model: str, body: bytes, kind: str, words: str) -> None:
    message = ask(client, f"/predict?model={model}", body, kind, 400)
    assert words in message, message


@pytest.mark.parametrize(
    "shape", ["(True, 8, 8)", "(1, True, 64)", "(False,)", "(-1, 8, 8)", "(0, 8, 8)", "(1, 0)", "(1, 8, 8, 10**9)",
              "()", "(1.0, 8, 8)", "('1', 8, 8)", "(1, 8, 8" + ", 1" * 500 + ")"],
)  # fmt: skip
def test_shapes_of_arrays_that_are_none(client: FlaskClient, shape: str) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(64)
    ask(client, "/predict?model=digits", content, "application/x-npy", 400)


@pytest.mark.parametrize("encoding", ENCODE)
def test_compressed_bodies_are_read(client: FlaskClient, expected: Any, encoding: str) -> None:
    response = client.post("/predict", data=ENCODE[encoding](BODY), headers={"Content-Encoding": encoding})
    assert response.get_json()["predictions"] == expected


@pytest.mark.parametrize("encoding", ENCODE)
def test_broken_and_endless_ones_are_refused(client: FlaskClient, encoding: str) -> None:
    bomb, broken = ENCODE[encoding](bytes(64 * 2**20)), ENCODE[encoding](BODY)[:-5]
    for body, status in ((bomb, 413), (broken, 400), (b"nonsense", 400)):
        response = client.post("/predict", data=body, headers={"Content-Encoding": encoding})
        assert response.status_code == status, response.text


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_long_answers_are_compressed_for_those_who_can_read_them(client: FlaskClient, encoding: str) -> None:
    body = json.dumps({"model": "reviews", "instances": ["good"] * 100}).encode()
    plain = client.post("/predict", data=body)
    response = client.post("/predict", data=body, headers={"Accept-Encoding": encoding})
    assert response.headers["Content-Encoding"] == encoding
    assert response.headers["Vary"] == "Accept-Encoding"
    decode = gzip.decompress if encoding == "gzip" else zstandard.decompress
    assert json.loads(decode(response.data))["predictions"] == plain.get_json()["predictions"]
    assert "Content-Encoding" not in plain.headers


def test_a_long_list_of_encodings_is_ignored(client: FlaskClient) -> None:
    body = json.dumps({"model": "reviews", "instances": ["good"] * 100}).encode()
    for length, encoding in ((MAX_ACCEPTED_SIZE, "gzip"), (MAX_ACCEPTED_SIZE + 1, None)):
        accepted = "gzip," + "a" * (length - 5)
        response = client.post("/predict", data=body, headers={"Accept-Encoding": accepted})
        assert (response.status_code, response.headers.get("Content-Encoding")) == (200, encoding)
        assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("model=digits&model=digits", "more than once"),
        ("model=reviews", "otherwise than the body"),
        ("version=7", "otherwise than the body"),
        ("version=new", "give a whole number"),
        ("modle=digits", "the URL has the unknown key 'modle'"),
    ],
)
def test_the_url_says_nothing_else_than_the_body(client: FlaskClient, query: str, words: str) -> None:
    body = json.dumps({"model": "digits", "version": 1, "instances": PICTURES.tolist()}).encode()
    assert len(ask(client, "/predict?model=digits&version=1", body, "application/json")) == 2
    assert words in ask(client, f"/predict?{query}", body, "application/json", 400)
