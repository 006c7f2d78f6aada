"""The Open Inference Protocol, its JSON and its binary tensors."""

import json
import struct
from typing import Any

import numpy as np
import pytest
import serving_models as make
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from serving.codecs import open_inference as v2
from serving.codecs.base import Limits
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError

PICTURES = np.random.default_rng(1).integers(0, 256, (3, make.SIDE, make.SIDE, 1), np.uint8)
LENGTH = "Inference-Header-Content-Length"


def tensor(x: np.ndarray, name: str = "image", datatype: str = "UINT8", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(x.shape), "datatype": datatype, **({"data": x.tolist()} | more)}


def ask(client: FlaskClient, model: str, body: Any, status: int = 200) -> Any:
    response = client.post(f"/v2/models/{model}/infer", data=json.dumps(body))
    assert response.status_code == status, response.text
    return response.get_json()


def probabilities(client: FlaskClient, model: str, *instances: Any) -> list[list[float]]:
    response = client.post("/predict", data=json.dumps({"model": model, "instances": instances}))
    return [list(one["probabilities"].values()) for one in response.get_json()["predictions"]]


@pytest.fixture
def expected(client: FlaskClient) -> list[float]:
    return [value for row in probabilities(client, "digits", *PICTURES.tolist()) for value in row]


@pytest.mark.parametrize("data", [PICTURES.tolist(), PICTURES.ravel().tolist()], ids=["nested", "flat"])
def test_tensors_as_json(client: FlaskClient, data: Any, expected: list[float]) -> None:
    answer = ask(client, "digits", {"id": "7", "inputs": [tensor(PICTURES, data=data)]})
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("digits", "1", "7")
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("probabilities", "FP32", [3, 3])
    assert output["data"] == expected


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_tensors_as_bytes(client: FlaskClient, expected: list[float], dtype: str) -> None:
    content = PICTURES.astype(dtype).tobytes()
    head = tensor(PICTURES, datatype=v2.OF_DTYPE[dtype], parameters={"binary_data_size": len(content)})
    del head["data"]
    text = json.dumps({"inputs": [head], "parameters": {"binary_data_output": True}}).encode()
    response = client.post("/v2/models/digits/infer", data=text + content, headers={LENGTH: str(len(text))})
    assert response.status_code == 200, response.text
    end = int(response.headers[LENGTH])
    (output,) = json.loads(response.data[:end])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(response.data) - end
    np.testing.assert_allclose(np.frombuffer(response.data[end:], "<f4"), expected, rtol=1e-6)


def test_texts_and_tables(client: FlaskClient) -> None:
    texts = tensor(np.array(["good", "bad"], object), "text", "BYTES")
    found = ask(client, "reviews", {"inputs": [texts]})["outputs"][0]["data"]
    assert np.reshape(found, (2, 2)).tolist() == probabilities(client, "reviews", "good", "bad")
    rows = [{"amount": 2.5, "weekend": True, "country": "de"}, {"amount": 0.5, "weekend": False, "country": "fr"}]
    columns = [
        tensor(np.array([2.5, 0.5]), "amount", "FP64"),
        tensor(np.array([[True], [False]]), "weekend", "BOOL"),
        tensor(np.array(["de", "fr"], object), "country", "BYTES"),
    ]
    found = ask(client, "payments", {"inputs": columns})["outputs"][0]["data"]
    assert np.reshape(found, (2, 2)).tolist() == probabilities(client, "payments", *rows)


def test_the_highest_classes_by_name(client: FlaskClient, expected: list[float]) -> None:
    wanted = [{"name": "probabilities", "parameters": {"classification": 2}}]
    (output,) = ask(client, "digits", {"inputs": [tensor(PICTURES)], "outputs": wanted})["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [3, 2])
    first = np.argmax(expected[:3])
    assert output["data"][0] == f"{expected[first]:.7g}:{first}:{['zero', 'one', 'two'][first]}"


def test_what_a_model_takes_and_what_the_server_is(client: FlaskClient) -> None:
    assert client.get("/v2/health/live").get_json() == {"live": True}
    assert client.get("/v2/health/ready").get_json() == {"ready": True}
    assert "binary_tensor_data" in client.get("/v2").get_json()["extensions"]
    assert client.get("/v2/models/digits/versions/1/ready").get_json() == {"name": "digits", "ready": True}
    described = client.get("/v2/models/digits").get_json()
    assert described["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, make.SIDE, make.SIDE, 1]}]
    assert described["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}]
    assert described["versions"] == ["1"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ([], 400, "the body is a list: send an object with 'inputs'"),
        ({}, 400, "no 'inputs'"),
        ({"inputs": []}, 400, "there are no inputs"),
        ({"inputs": 5}, 400, "'inputs' is a number: make it a list"),
        ({"inputs": [tensor(PICTURES, "picture")]}, 400, "no input 'picture'"),
        ({"inputs": [tensor(PICTURES), tensor(PICTURES)]}, 400, "a name of its own"),
        ({"inputs": [tensor(PICTURES, datatype="UINT9")]}, 400, "use one of BOOL"),
        ({"inputs": [tensor(PICTURES, shape=[3])]}, 400, "found shape"),
        ({"inputs": [tensor(PICTURES, shape=[-3, 8, 8, 1])]}, 400, "'shape' is no list"),
        ({"inputs": [tensor(PICTURES, shape=[2**31, 8, 8, 1])]}, 413, "elements"),
        ({"inputs": [tensor(PICTURES, shape=[10**30])]}, 413, "elements: send fewer rows"),
        ({"inputs": [tensor(PICTURES, data=[1])]}, 400, "expected shape (192,), found shape (1,)"),
        ({"inputs": [tensor(PICTURES[:, 1:])]}, 400, "expected shape (any, 8, 8, 1), found (3, 7, 8, 1)"),
        ({"inputs": [tensor(PICTURES.astype(int) + 100, datatype="INT32")]}, 400, "whole numbers from 0 to 255"),
        ({"inputs": [tensor(PICTURES, parameters={"binary_data_size": 5})]}, 400, "and 0 bytes are left"),
        ({"inputs": [tensor(PICTURES)], "outputs": [{"name": "x"}]}, 400, "no output 'x': there are: probabilities"),
        ({"inputs": [tensor(PICTURES)], "outputs": [{}]}, 400, "has no 'name'"),
        ({"inputs": [tensor(PICTURES)], "parameters": {"binary_data_output": {}}}, 400, "give true or false"),
        (
            {"inputs": [tensor(PICTURES, shape=[1], datatype="BYTES", data=["no"])]},
            400,
            "row 0: the text is not base64",
        ),
        ({"inputs": [tensor(PICTURES, shape=[1, 2], datatype="BYTES", data=["", ""])]}, 400, "one file a row"),
    ],
)
def test_what_is_refused(client: FlaskClient, body: Any, status: int, words: str) -> None:
    message = ask(client, "digits", body, status)["error"]
    assert words in message, message


SHAPES = [[0], [0, 0], [1, 0], [0, 8, 8, 1], [0, 10**12], [10**12, 0], [2**26, 0, 2**26], [2**62] * 8, [2**63],
          [2**64], [1e300], [1.5], [-1], [True], ["1"], [None], [[1]], [], [1] * 9]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("datatype", ["UINT8", "FP64", "BYTES", "BOOL"])
@pytest.mark.parametrize("data", [[], [[]], [[], []], 0, None, b"", bytes(8)])
def test_shapes_of_nothing_or_too_much(client: FlaskClient, shape: Any, datatype: str, data: Any) -> None:
    more = {"parameters": {"binary_data_size": len(data)}} if isinstance(data, bytes) else {"data": data}
    for model, name in (("digits", "image"), ("reviews", "text"), ("payments", "amount"), ("payments", "country")):
        text = json.dumps({"inputs": [{"name": name, "shape": shape, "datatype": datatype, **more}]}).encode()
        body = text + data if isinstance(data, bytes) else text
        response = client.post(f"/v2/models/{model}/infer", data=body, headers={LENGTH: str(len(text))})
        assert response.status_code in (400, 413), response.text


def test_an_output_is_wanted_once(client: FlaskClient) -> None:
    def refusal(outputs: list[dict[str, Any]]) -> str:
        message: str = ask(client, "digits", {"inputs": [tensor(PICTURES)], "outputs": outputs}, 400)["error"]
        return message

    wanted = [{"name": "probabilities"}]
    as_classes = [{"name": "probabilities", "parameters": {"classification": 2}}]
    assert refusal(wanted * 2) == refusal(wanted + as_classes)
    assert refusal(wanted * 2) == "the output 'probabilities' is wanted twice: name each once"
    assert "64 outputs are wanted: name at most 32" in refusal(wanted * 2 * v2.MAX_OUTPUTS)


def test_a_class_counts_as_several_numbers() -> None:
    outputs = {"p": np.zeros((10, 3), np.float32), "q": np.zeros(10, np.float32)}
    assert v2.count(v2.InferRequest({}), outputs) == 40
    asked = v2.InferRequest({}, outputs=[v2.RequestedOutput("p", False, 2)])
    assert v2.count(asked, outputs) == 40 + 30 * (v2.CLASS_COST - 1)


def test_parameters_that_nobody_knows_are_ignored(client: FlaskClient) -> None:
    # simdjson cannot look up a key with a NUL.
    outputs = [{"name": "probabilities", "parameters": {"a\0": 1, "classification": 2.0}}]
    body = {"inputs": [tensor(PICTURES)], "outputs": outputs, "parameters": {"\0b": [1]}}
    assert ask(client, "digits", body)["outputs"][0]["shape"] == [3, 2]


@pytest.mark.parametrize("length", ["x", "-1", "99999999", "²", "9" * 5000])
def test_a_length_that_cannot_be(client: FlaskClient, length: str) -> None:
    response = client.post("/v2/models/digits/infer", data=b"{}", headers={LENGTH: length.encode().decode("latin-1")})
    assert (response.status_code, "give the length of the JSON" in response.text) == (400, True)


def inputs(text: bytes, tail: bytes) -> dict[str, np.ndarray]:
    return v2.decode_request(*v2.split(text + tail, str(len(text))), Limits(elements=100), NO_DEADLINE).inputs


@given(st.lists(st.binary(max_size=5), max_size=5))
def test_bytes_come_back_as_they_were(items: list[bytes]) -> None:
    content = b"".join(struct.pack("<I", len(item)) + item for item in items)
    head = {"name": "x", "shape": [len(items)], "datatype": "BYTES", "parameters": {"binary_data_size": len(content)}}
    text = json.dumps({"inputs": [head]}).encode()
    assert inputs(text, content)["x"].tolist() == items


@given(st.binary(max_size=80), st.integers(0, 90))
def test_no_bytes_break_the_reader(tail: bytes, size: int) -> None:
    head = {"name": "x", "shape": [3], "datatype": "BYTES", "parameters": {"binary_data_size": size}}
    text = json.dumps({"inputs": [head]}).encode()
    try:
        shape, status = inputs(text, tail)["x"].shape, 0
    except ServiceError as error:
        shape, status = (), error.status
    assert (shape, status) in (((3,), 0), ((), 400))
