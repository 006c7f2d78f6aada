"""Headers determine how a body is read: charsets, encodings and forms; and the URL may name the model."""

import gzip
import io
import json
import zlib
from typing import Any

import pytest
import zstandard
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from serving.codecs.base import Limits
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError
from serving.http import body, content_encoding

TEXT = "Schön 日本"
ENCODE = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "zstd without its size": zstandard.ZstdCompressor(write_content_size=False, level=1).compress,
    "zstd with a checksum": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def read(content_type: str, content: bytes, query: str = "") -> body.Payload:
    return body.read(content_type, content, query, Limits(), NO_DEADLINE)


@pytest.mark.parametrize(
    ("charset", "python"),
    [("utf-8", "utf-8"), ("UTF-8", "utf-8"), ('"utf-8"', "utf-8"), ("utf-16", "utf-16"), ("utf-16le", "utf-16-le"),
     ("UTF-16BE", "utf-16-be"), ("us-ascii", "ascii"), ("ISO-8859-1", "latin-1"), ("latin1", "latin-1")],
)  # fmt: skip
def test_charsets_are_honoured(charset: str, python: str) -> None:
    text = TEXT if "utf" in python else "Schön" if python == "latin-1" else "good"
    for kind in ("text/plain", "TEXT/PLAIN"):
        assert list(read(f"{kind}; charset={charset}", text.encode(python)).instances) == [text]
    assert read(f"text/csv;charset={charset};header=present", f"text\n{text}\n".encode(python)).table == {
        "text": [text]
    }
    document = json.dumps({"instances": [text]}, ensure_ascii=False).encode(python)
    for kind in ("application/json", "application/vnd.suite+json"):
        assert list(read(f"{kind};q=1; charset={charset}", document).instances) == [text]


@pytest.mark.parametrize(
    ("content_type", "content", "status", "words"),
    [
        ("text/plain; charset=utf-7", b"a", 415, "the charset is utf-7: use utf-8"),
        ("text/csv; charset=cp037", b"a\n1", 415, "the charset is cp037"),
        ("application/json; charset=rot13", b"{}", 415, "the charset is rot13"),
        ("application/json; charset=" + "x" * 1000, b"{}", 415, "..."),
        ("text/plain; charset=utf-8; charset=latin-1", b"a", 415, "more than one charset"),
        ("text/plain; charset=utf-8; CHARSET=utf-8", b"a", 415, "more than one charset"),
        ("text/plain; charset=", b"a", 415, "the charset is "),
        ("text/plain; charset=us-ascii", b"\xe4", 400, "no text in ASCII"),
        ("text/plain; charset=utf-16", b"a\0", 400, "no byte order mark"),
        ("text/plain; charset=utf-16", b"\xff\xfea", 400, "no text in UTF-16"),
        ("text/plain", b"\xe4", 400, "no text in UTF-8"),
        ("application/json; charset=utf-16le", b"{", 400, "no text in UTF-16-LE"),
    ],
)
def test_charsets_that_are_refused(content_type: str, content: bytes, status: int, words: str) -> None:
    with pytest.raises(ServiceError) as raised:
        read(content_type, content)
    assert (raised.value.status, words in raised.value.message) == (status, True), raised.value.message
    assert len(raised.value.message) < 200


def test_other_parameters_of_a_media_type_are_ignored() -> None:
    assert list(read('text/plain; format=flowed; x="; charset=utf-7"', b"a").instances) == ["a"]


@pytest.mark.parametrize("path", ["/v1/models/reviews:predict", "/v2/models/reviews/infer"])
def test_charsets_hold_for_every_protocol(client: FlaskClient, path: str) -> None:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [TEXT]}
    asked = {"inputs": [tensor]} if "v2" in path else {"instances": [TEXT]}
    expected = client.post(path, json=asked).get_json()
    content = json.dumps(asked, ensure_ascii=False).encode("utf-16")
    response = client.post(path, data=content, content_type="application/json; charset=utf-16")
    assert response.get_json() == expected
    assert client.post(path, data=content, content_type="application/json; charset=no").status_code == 415


@given(st.binary(max_size=300), st.sampled_from(list(ENCODE)), st.integers(1, 3), st.data())
def test_what_is_cut_short_is_refused(plain: bytes, encoding: str, members: int, data: st.DataObject) -> None:
    name, packed = encoding.split()[0], ENCODE[encoding](plain)
    assert content_encoding.decompressed(packed * members, name, 10_000) == plain * members
    cut = data.draw(st.integers(1, len(packed)))
    if members > 1 and cut == len(packed):
        return
    for broken in ((packed * members)[:-cut], packed * members + data.draw(st.sampled_from([b"x", b"\0", packed[:3]]))):
        with pytest.raises(ServiceError) as raised:
            content_encoding.decompressed(broken, name, 10_000)
        assert raised.value.status == 400


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "deflate"])
def test_a_table_that_is_cut_short_is_not_answered(client: FlaskClient, encoding: str) -> None:
    rows = b"amount\n" + b"".join(b"%d\n" % (i * 7919 % 99_991) for i in range(5000))
    packed = ENCODE["zstd without its size" if encoding == "zstd" else encoding](rows)
    headers = {"Content-Encoding": encoding, "Content-Type": "text/csv"}
    assert client.post("/predict?model=payments", data=packed, headers=headers).status_code == 200
    for cut in (1, 2, 3, 4, 5, 8, 100, len(packed) // 2, len(packed)):
        response = client.post("/predict?model=payments", data=packed[:-cut], headers=headers)
        assert response.status_code == 400, cut


def test_encodings_have_names_of_any_case_and_bounds() -> None:
    assert content_encoding.decompressed(gzip.compress(b"a"), " GZip ", 10) == b"a"
    assert content_encoding.decompressed(b"a", "Identity", 10) == b"a"
    for name in ("gzip", "deflate", "zstd"):
        packed = ENCODE[name](bytes(1000))
        assert len(content_encoding.decompressed(packed, name, 1000)) == 1000
        with pytest.raises(ServiceError) as raised:
            content_encoding.decompressed(packed, name, 999)
        assert raised.value.status == 413


def form(*parts: tuple[str, bytes, bool], end: bytes = b"--b--\r\n") -> bytes:
    lines = [
        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="f"' if is_file else b"", content)
        for name, content, is_file in parts
    ]
    return b"".join(lines) + end


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    return file.getvalue()


def test_a_form() -> None:
    content = form(("model", b"digits", False), ("f", b"1", True), ("version", b"3", False), ("g", b"a--b", True))
    payload = read("multipart/form-data; boundary=b", content)
    assert (payload.model, payload.version, payload.files) == ("digits", 3, [b"1", b"a--b"])
    assert read('multipart/form-data; charset=utf-8; boundary="b"', content).files == payload.files


@pytest.mark.parametrize(
    ("content_type", "content", "words"),
    [
        ("multipart/form-data; boundary=b", form(("f", b"1", True), end=b""), "the form is broken"),
        ("multipart/form-data; boundary=b", form(("f", b"1", True))[:-20], "the form is broken"),
        ("multipart/form-data; boundary=b", b"", "the form is broken"),
        ("multipart/form-data", form(("f", b"1", True)), "no boundary"),
        ("multipart/form-data; boundary=", form(("f", b"1", True)), "no boundary"),
        ("multipart/form-data; boundary=b; boundary=c", form(("f", b"1", True)), "no boundary"),
        ("multipart/form-data; boundary=b", form(("model", b"a", False)), "no file in the form"),
        ("multipart/form-data; boundary=b", form(("modle", b"a", False)), "did you mean 'model'"),
    ],
)
def test_forms_that_are_refused(content_type: str, content: bytes, words: str) -> None:
    with pytest.raises(ServiceError) as raised:
        read(content_type, content)
    assert (raised.value.status, words in raised.value.message) == (400, True), raised.value.message


def test_a_form_may_be_compressed(client: FlaskClient) -> None:
    content = form(("model", b"digits", False), ("f", picture(), True))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    plain = client.post("/predict", data=content, headers=headers)
    packed = client.post("/predict", data=gzip.compress(content), headers=headers | {"Content-Encoding": "gzip"})
    assert plain.status_code == 200
    assert packed.get_json()["predictions"] == plain.get_json()["predictions"]


@pytest.mark.parametrize(
    "given", ["model=a&model=a", "model=b", "version=2", "version=x", "name=a", "model=a&version=1&x"]
)
def test_the_url_and_the_body_agree(given: str) -> None:
    content = b'{"model": "a", "version": 1, "instances": [1]}'
    assert read("application/json", content, "version=1&model=a").version == 1
    with pytest.raises(ServiceError) as raised:
        read("application/json", content, given)
    assert raised.value.status == 400


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("path", "content", "headers"),
    [
        ("/predict", {LONG: 1}, {}),
        ("/predict", {"model": LONG, "instances": [1]}, {}),
        ("/predict", {"model": "payments", "instances": [{LONG: 1}]}, {}),
        ("/predict", {"model": "payments", "instances": [{"amount": LONG}]}, {}),
        ("/predict", {"model": "payments", "instances": [{"time": LONG, "country": 1.5}]}, {}),
        ("/predict", {"model": "payments", "version": 1e300, "instances": [{}]}, {}),
        ("/predict", {"instances": [1]}, {"Content-Type": LONG}),
        ("/predict", {"instances": [1]}, {"Content-Encoding": LONG}),
        ("/predict?model=payments", f"{LONG}\n1\n", {"Content-Type": "text/csv"}),
        ("/predict?model=payments", f"{LONG},{LONG}\n1,1\n", {"Content-Type": "text/csv"}),
        ("/predict?model=payments", f"amount\n{LONG}\n", {"Content-Type": "text/csv"}),
        ("/v1/models/payments:predict", {"inputs": {LONG: [1]}}, {}),
        ("/v1/models/payments:predict", {"signature_name": LONG, "instances": [{}]}, {}),
        ("/v2/models/payments/infer", {"inputs": [{"name": LONG, "shape": [1], "datatype": "FP32", "data": [1]}]}, {}),
        (
            "/v2/models/payments/infer",
            {"inputs": [{"name": "amount", "shape": [1], "datatype": LONG, "data": [1]}]},
            {},
        ),
        ("/v2/models/payments/infer", {"inputs": [{"name": "amount", "shape": [1] * 5000, "datatype": "FP32"}]}, {}),
        ("/v2/models/payments/infer", {"inputs": []}, {"Inference-Header-Content-Length": LONG}),
    ],
)
def test_what_is_long_is_not_repeated(client: FlaskClient, path: str, content: Any, headers: dict[str, str]) -> None:
    data = content if isinstance(content, str) else json.dumps(content)
    response = client.post(path, data=data, headers=headers)
    assert 400 <= response.status_code < 500
    assert len(response.get_json()["error"]) < 300, response.text
