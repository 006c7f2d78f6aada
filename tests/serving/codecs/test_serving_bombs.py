"""Bodies that are larger, deeper or more numerous than they look are refused before they use resources."""

import base64
import io
import json
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_models as make
from flask.testing import FlaskClient
from PIL import Image

DEEP = b"[" * 50_000 + b"]" * 50_000


def post(
    client: FlaskClient, path: str, body: bytes, kind: str = "application/json", **headers: str
) -> tuple[int, str]:
    response = client.post(path, data=body, content_type=kind, headers=headers)
    return response.status_code, response.text


@pytest.mark.parametrize("path", ["/predict", "/v1/models/digits:predict", "/v2/models/digits/infer"])
@pytest.mark.parametrize("key", ["instances", "inputs", "model", "parameters", "id", "x"])
def test_deep_json_is_refused(client: FlaskClient, path: str, key: str) -> None:
    objects = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    for deep in (DEEP, objects, b"[" * 1000 + b"]" * 1000, b"[" * 100_000):
        status, text = post(client, path, b'{"%s": %s}' % (key.encode(), deep))
        assert status == 400, text
        assert len(text) < 1000


@pytest.mark.parametrize("quotes", [b'\\"', b'"\\', b'\\\\"', b'"1'])
def test_quotes_that_nobody_closes_are_looked_at_once(client: FlaskClient, quotes: bytes) -> None:
    begun = time.monotonic()
    status, text = post(client, "/predict", b'{"instances": [' + b"1" * 30 + b", " + quotes * 200_000)
    assert status == 400, text
    assert time.monotonic() - begun < 5


def npy(header: str, data: bytes = b"\0" * 64) -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    "shape", ["(10000000000,)", "(2, 5000000000)", "(1, 8, 8, 100000000)", "(-1, -64)", "(1,) * 9"]
)
@pytest.mark.parametrize("dtype", ["|u1", "<f8", "|V1000000000", "<U1000000", "[('a', '<f8', (100000, 100000))]", "|O"])
def test_an_array_is_as_large_as_its_bytes(client: FlaskClient, shape: str, dtype: str) -> None:
    written = dtype if dtype.startswith("[") else repr(dtype)
    body = npy(f"{{'descr': {written}, 'fortran_order': False, 'shape': {shape}, }}")
    assert peak(client, "/predict?model=digits", body, "application/x-npy") == 400


@pytest.mark.parametrize("shape", [[10**10], [10**5, 10**5], [8, 10**9], [2**63 - 1, 2], [1] * 9, [0, 10**12]])
@pytest.mark.parametrize("datatype", ["UINT8", "FP64", "BYTES", "BOOL"])
@pytest.mark.parametrize("binary", [True, False])
def test_a_tensor_is_as_large_as_its_bytes(client: FlaskClient, shape: Any, datatype: str, binary: bool) -> None:
    more: dict[str, Any] = {"parameters": {"binary_data_size": 64}} if binary else {"data": [0] * 64}
    text = json.dumps({"inputs": [{"name": "image", "shape": shape, "datatype": datatype, **more}]}).encode()
    body = text + bytes(64) if binary else text
    headers = {"Inference-Header-Content-Length": str(len(text))}
    assert peak(client, "/v2/models/digits/infer", body, "application/json", **headers) in (400, 413)


def png(width: int, height: int) -> bytes:
    """Return a picture of few bytes and very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10**6), 9)) + chunk(b"IEND", b"")


def bmp(width: int, height: int) -> bytes:
    return struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


def png_text(size: int) -> bytes:
    """Return a small picture with a long, compressed text in its metadata."""
    data = b"note\0\0" + zlib.compress(bytes(size), 9)
    note = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    file = io.BytesIO()
    Image.new("L", (make.SIDE, make.SIDE)).save(file, "PNG")
    return file.getvalue()[:33] + note + file.getvalue()[33:]


@pytest.mark.parametrize(
    "picture",
    [png(30_000, 30_000), png(2**31 - 1, 2**31 - 1), png(7071, 7072), png(10_000, 10_000), bmp(60_000, 60_000),
     bmp(2**30, 2**30)],
    ids=["png", "largest png", "png over the limit", "png over Pillow's", "bmp", "largest bmp"],
)  # fmt: skip
def test_pictures_are_measured_before_they_are_decoded(client: FlaskClient, picture: bytes) -> None:
    assert peak(client, "/predict?model=digits", picture, "image/png") == 400
    as_json = json.dumps({"model": "digits", "instances": [base64.b64encode(picture).decode()]}).encode()
    assert peak(client, "/predict", as_json, "application/json") == 400


def test_a_note_that_would_be_long_is_not_read(client: FlaskClient) -> None:
    assert peak(client, "/predict?model=digits", png_text(200 * 2**20), "image/png") == 200


@pytest.mark.parametrize("kind", ["parts", "headers", "field", "boundary", "none", "nested"])
def test_floods_of_parts_are_refused(client: FlaskClient, kind: str) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f%d"; filename="f"\r\n\r\nx\r\n'
    bodies = {
        "parts": b"".join(part % number for number in range(20_000)) + b"--b--\r\n",
        "headers": b"--b\r\n" + b"X-Header: x\r\n" * 100_000 + b"\r\nx\r\n--b--\r\n",
        "field": b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + b"x" * 2**22 + b"\r\n--b--\r\n",
        "boundary": b"--b\r\n" * 500_000,
        "none": b"\r\n" * 10**6,
        "nested": b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + b"--c\r\n" * 10**5 + b"\r\n--b--\r\n",
    }
    begun = time.monotonic()
    status = peak(client, "/predict", bodies[kind], "multipart/form-data; boundary=b")
    assert status in (400, 413)
    assert time.monotonic() - begun < 5


def test_uploads_need_no_disk(client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 900), np.uint8)).save(file, "PNG")
    head = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ndigits\r\n'
    head += b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = head + file.getvalue() + b"\r\n--b--\r\n"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert post(client, "/predict", body, "multipart/form-data; boundary=b")[0] == 200


def peak(client: FlaskClient, path: str, body: bytes, kind: str, **headers: str) -> int:
    """Return the status of the response, after checking that the request took little more memory than its body."""
    tracemalloc.start()
    try:
        status, text = post(client, path, body, kind, **headers)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < 8 * len(body) + 16 * 2**20, (taken, len(body))
    assert "Traceback" not in text
    return status
