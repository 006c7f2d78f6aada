"""Duplicates are refused: keys of JSON at any depth, form fields, parameters and columns."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from serving.codecs.payload import parse_members
from serving.errors import ServiceError

IMAGE = '"name": "image", "shape": [1, 8, 8, 1], "datatype": "UINT8", "data": [' + ",".join("0" * 64) + "]"
TEXT = '"name": "text", "shape": [1], "datatype": "BYTES"'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", '{"model": "reviews", "model": "reviews", "instances": ["good"]}'),
        ("/predict", '{"model": "reviews", "m\\u006fdel": "digits", "instances": ["good"]}'),
        ("/predict", '{"model": "reviews", "instances": ["good"], "instances": ["bad"]}'),
        ("/predict", '{"model": "reviews", "instances": [{"text": "good", "text": "bad"}]}'),
        ("/predict", '{"model": "digits", "instances": [{"image": "", "image": ""}]}'),
        ("/predict", '{"model": "digits", "instances": [{"b64": "", "b64": ""}]}'),
        ("/predict", '{"model": "digits", "instances": [{"image": {"b64": "", "b64": ""}}]}'),
        ("/predict", '{"model": "payments", "instances": [{"amount": 1, "amount": -9}]}'),
        ("/predict", '{"model": "payments", "instances": [{}, {"amount": 1, "id": 2, "amount": 1}]}'),
        ("/predict", '{"model": "payments", "instances": [{"id": 1, "id": 2}]}'),
        ("/predict", '{"model": "payments", "instances": [{"id": {"a": 1, "a": 2}}]}'),
        ("/predict", '{"model": "payments", "instances": [{"id": [[{"a": [{"b": 1, "b": 1}]}]]}]}'),
        ("/v1/models/reviews:predict", '{"instances": ["good"], "instances": ["bad"]}'),
        ("/v1/models/reviews:predict", '{"signature_name": "", "signature_name": "", "instances": ["good"]}'),
        ("/v1/models/reviews:predict", '{"instances": ["good"], "more": {"a": {"b": 1, "b": 2}}}'),
        ("/v1/models/reviews:predict", '{"instances": ["good"], "x\\u0000": {"b": 1, "b": 2}}'),
        ("/v1/models/payments:predict", '{"inputs": {"amount": [1], "amount": [-9]}}'),
        ("/v1/models/payments:classify", '{"examples": [{"amount": 1, "amount": 2}]}'),
        ("/v1/models/payments:classify", '{"examples": [{"amount": 1}], "context": {"id": 1, "id": 2}}'),
        ("/v1/models/payments:classify", '{"examples": [{"id": {"a": 1, "a": 1}}], "context": {"amount": 1}}'),
        ("/v1/models/payments:classify", '{"examples": [{"amount": 1, "amount": 2}], "context": {"country": "de"}}'),
        ("/v1/models/payments:regress", '{"examples": [{"amount": 1}], "examples": [{"amount": 2}]}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}}}], "inputs": [{{{IMAGE}}}]}}'),
        ("/v2/models/digits/infer", f'{{"id": "1", "id": "2", "inputs": [{{{IMAGE}}}]}}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}}}], "other": [{{"a": 1, "a": 2}}]}}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}, "data": []}}]}}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}, "parameters": {{"a": 1, "a": 2}}}}]}}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}, "parameters": {{"a": {{"b": 1, "b": 2}}}}}}]}}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}}}], "parameters": {{"id": 1, "id": 1}}}}'),
        ("/v2/models/digits/infer", f'{{"inputs": [{{{IMAGE}}}], "outputs": [{{"name": "x", "name": "y"}}]}}'),
        ("/v2/models/reviews/infer", f'{{"inputs": [{{{TEXT}, "data": ["good"], "data": ["bad"]}}]}}'),
        ("/v2/models/reviews/infer", f'{{"inputs": [{{{TEXT}, "data": [{{"b64": "", "b64": ""}}]}}]}}'),
        ("/v2/repository/index", '{"ready": true, "ready": false}'),
    ],
)  # fmt: skip
def test_keys(client: FlaskClient, path: str, body: str) -> None:
    response = client.post(path, data=body)
    assert response.status_code == 400, response.text


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [{"name": "a", "n": [1, 2], "name": "b"}]}',
        '{"inputs": {"n": [[1, 2]], "name": ["a"], "n": [[1, 2]]}}',
    ],
)
def test_keys_for_a_model_without_a_card(plain_client: FlaskClient, body: str) -> None:
    response = plain_client.post("/v1/models/pair:predict", data=body)
    assert (response.status_code, "stands twice" in response.text) == (400, True), response.text


def test_a_tensor_is_in_the_json_or_after_it(client: FlaskClient) -> None:
    text = f'{{"inputs": [{{{IMAGE}, "parameters": {{"binary_data_size": 64}}}}]}}'.encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    response = client.post("/v2/models/digits/infer", data=text + bytes(64), headers=headers)
    assert (response.status_code, "give one" in response.text) == (400, True), response.text


def part(name: str, content: bytes, more: bytes = b"") -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + more + b"\r\n\r\n" + content + b"\r\n"
    )


@pytest.mark.parametrize("fields", [["model", "model"], ["model", "version", "version"], ["model", "version", "model"]])
def test_fields_of_a_form(client: FlaskClient, fields: list[str]) -> None:
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    values = {"model": b"digits", "version": b"1"}
    body = b"".join(part(name, values[name]) for name in fields) + part("f", file.getvalue(), b'; filename="f"')
    response = client.post("/predict", data=body + b"--b--\r\n", content_type="multipart/form-data; boundary=b")
    assert (response.status_code, "more than once" in response.text) == (400, True), response.text
    body = b"".join(part(name, values[name]) for name in set(fields)) + part("f", file.getvalue(), b'; filename="f"')
    response = client.post("/predict", data=body + b"--b--\r\n", content_type="multipart/form-data; boundary=b")
    assert response.status_code == 200, response.text


keys = st.text("abc", max_size=1)
objects = st.recursive(
    st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(keys, inner), max_size=3).map(tuple),
    max_leaves=12,
)  # fmt: skip


def written(value: Any) -> str:
    """Return the JSON of a value in which objects are given as tuples of pairs."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(key)}:{written(one)}" for key, one in value) + "}"
    return f"[{','.join(map(written, value))}]" if isinstance(value, list) else str(value)


def stands_twice(value: Any) -> bool:
    if isinstance(value, tuple):
        found = [key for key, _ in value]
        return len(set(found)) < len(found) or any(stands_twice(one) for _, one in value)
    return isinstance(value, list) and any(map(stands_twice, value))


@given(st.lists(st.tuples(keys, objects), max_size=20).map(tuple))
def test_any_depth_of_what_nobody_reads(members: tuple[tuple[str, Any], ...]) -> None:
    text = written((*members, ("inputs", 1))).encode()
    if stands_twice(members):
        with pytest.raises(ServiceError, match="stands twice"):
            parse_members(text, "inputs", frozenset(("inputs",)))
    else:
        assert parse_members(text, "inputs", frozenset(("inputs",))) == {"inputs": 1}
