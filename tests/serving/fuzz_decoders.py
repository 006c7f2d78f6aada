"""Everything that reads a body, as one function of bytes for fuzzers: it must return a response and never fail.

    python tests/serving/fuzz_decoders.py SECONDS [STORE]

runs a coverage-guided fuzzer (Atheris) that searches for bytes that fail, from `seeds`. STORE has small models.
"""

import base64
import gzip
import io
import json
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from PIL import Image

MODELS = ("digits", "colours", "reviews", "payments")
ALLOWED = (200, 400, 404, 413, 415, 422)
JSON = "application/json"
FORM = "multipart/form-data; boundary=b"
LENGTH = 2
# Name, URL (with the model in it) and content type, which determine the form of the body.
KINDS = (
    ("json", "/predict", JSON),
    ("predict", "/v1/models/{}:predict", JSON),
    ("classify", "/v1/models/{}:classify", JSON),
    ("infer", "/v2/models/{}/infer", JSON),
    ("tensors", "/v2/models/{}/infer", "application/octet-stream"),
    ("npy", "/predict?model={}", "application/x-npy"),
    ("csv", "/predict?model={}", "text/csv"),
    ("picture", "/predict?model={}", "image/png"),
    ("text", "/predict?model={}", "text/plain"),
    ("wide", "/predict?model={}", "text/csv; charset=utf-16"),
    ("form", "/predict", FORM),
    ("gzip", "/predict", JSON),
    ("deflate", "/predict", JSON),
    ("zstd", "/predict", JSON),
    ("plain", "", ""),
)
NAMES = [kind[0] for kind in KINDS]
WORDS = (
    '"instances"', '"inputs"', '"outputs"', '"model"', '"version"', '"examples"', '"context"', '"name"', '"shape"',
    '"datatype"', '"data"', '"parameters"', '"binary_data_size"', '"classification"', '"b64"', '"text"', '"image"',
    '"amount"', '"country"', '"weekend"', '"time"', '"UINT8"', '"FP32"', '"BYTES"', '"BOOL"', '"digits"', '"reviews"',
    '"payments"', '"probabilities"', "null", "true", "1e38", "-1", "18446744073709551615", "[[[[", "]]]]", "--b",
    "Content-Disposition: form-data; name=", "filename=", "\\x93NUMPY\\x01\\x00", "'descr': '<f8'", "'shape': (1,)",
    "amount,weekend,time,country", "2020-01-01T00:00:00Z",
)  # fmt: skip


class Decoders:
    """A service of the store's models, without a socket. Call it with bytes that encode a kind, a model and a body."""

    def __init__(self, store: Path) -> None:
        from serving.app import create_app
        from serving.config import Config

        app = create_app(Config(models=store, max_body=2**20))
        assert app.extensions["service"].repository.wait(60)
        self._client = app.test_client()
        warnings.simplefilter("error")

    def __call__(self, data: bytes) -> int:
        """Return the status of the response, 0 for too few bytes; raise AssertionError if the service failed."""
        if len(data) < LENGTH:
            return 0
        name, url, kind = KINDS[data[0] % len(KINDS)]
        body, headers = data[LENGTH:], {}
        if name == "plain":
            return _without_card(body)
        if name == "tensors":
            headers = {"Inference-Header-Content-Length": str(int.from_bytes(body[:2], "little"))}
            body = body[2:]
        elif name in ("gzip", "deflate", "zstd"):
            headers = {"Content-Encoding": name}
        model = MODELS[data[1] % len(MODELS)]
        response = self._client.post(url.format(model), data=body, content_type=kind, headers=headers)
        assert response.status_code in ALLOWED, response.text
        assert response.content_type in (JSON, "application/octet-stream"), response.content_type
        assert response.status_code == 200 or set(response.get_json()) == {"error"}
        return int(response.status_code)


def _without_card(body: bytes) -> int:
    """Return instances and columns for models of which only the signature is known."""
    from serving.codecs import payload
    from serving.codecs.base import Limits
    from serving.codecs.tensors import TensorCodec
    from serving.deadline import NO_DEADLINE
    from serving.errors import ServiceError
    from serving.signature import Signature, Tensor

    inputs = {"name": Tensor("string", (None,)), "n": Tensor("int64", (None, None)), "x": Tensor("float32", None)}
    status = 400
    for signature in (Signature(inputs, {}), *(Signature({name: one}, {}) for name, one in inputs.items())):
        codec = TensorCodec(signature, Limits(rows=100, elements=1000))
        try:
            document = payload.parse_members(body, "instances", frozenset(("instances", "inputs")))
            if "instances" in document:
                asked = payload.Payload(instances=payload.instances(document["instances"], 100), text=body)
                codec.decode_named(codec.decode(asked, NO_DEADLINE), NO_DEADLINE)
                status = 200
            if "inputs" in document:
                codec.decode_named(codec.decode_columns(document["inputs"], NO_DEADLINE), NO_DEADLINE)
                status = 200
        except ServiceError:
            pass
    return status


def case(kind: str, model: str, body: bytes) -> bytes:
    """Return the bytes that encode a body of this kind."""
    return bytes([NAMES.index(kind), MODELS.index(model)]) + body


def seeds() -> Iterator[bytes]:
    """Return at least one valid input of each kind."""
    grey = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    instances: dict[str, Any] = {
        "digits": grey.tolist(),
        "colours": [{"b64": base64.b64encode(_picture("GIF")).decode()}],
        "reviews": ["good", {"text": "bad \u00e9"}],
        "payments": [
            {"amount": 3.5, "country": "de"},
            {"weekend": True, "time": "2020-01-01", "amount": None, "id": 1},
        ],
    }
    for model, rows in instances.items():
        document = json.dumps({"model": model, "version": 1, "instances": rows}).encode()
        yield case("json", model, document)
        yield case("predict", model, document)
        for encoding, encode in ENCODE.items():
            yield case(encoding, model, encode(document))
    columns = {"amount": [3.5, None], "country": ["de", "fr"], "weekend": [True, 0], "time": [1.5e9, "2020-01-01"]}
    yield case("predict", "payments", json.dumps({"inputs": columns}).encode())
    yield case("predict", "reviews", b'{"inputs": ["good", {"b64": "Z29vZA=="}], "signature_name": "serving_default"}')
    yield case("classify", "payments", b'{"examples": [{"amount": 3.5}], "context": {"country": "de"}}')
    yield from _tensor_seeds(grey)
    for x in (grey, grey.astype(">f4"), np.asfortranarray(grey.astype("<i8"))):
        file = io.BytesIO()
        np.save(file, x)
        yield case("npy", "digits", file.getvalue())
    yield case("csv", "payments", b'id,amount,weekend,time,country\r\n1,3.5,yes,2020-01-01,"d""e"\r\n2,,no,,\r\n')
    yield case("csv", "reviews", b"text\ngood\n")
    for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        yield case("picture", "colours", _picture(form))
    yield case("picture", "digits", _picture("JPEG", progressive=True))
    yield case("text", "reviews", "gut \u00fc".encode())
    yield case("wide", "payments", "amount,country\n1e3, \u00fc\n".encode("utf-16"))
    part = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    model = part % (b"model", b"", b"digits")
    yield case("form", "digits", model + part % (b"file", b'; filename="a.png"', _picture("PNG")) + b"--b--\r\n")
    yield case("plain", "digits", b'{"instances": [{"name": "a", "n": [1, 2], "x": [1.5]}]}')
    yield case("plain", "digits", b'{"instances": [1, 2], "inputs": {"name": ["a"], "n": [[1, 2]], "x": [[1.5]]}}')


def _tensor_seeds(grey: np.ndarray) -> Iterator[bytes]:
    head: dict[str, Any] = {"name": "image", "shape": [1, 8, 8, 1], "datatype": "UINT8"}
    wanted = [{"name": "probabilities", "parameters": {"classification": 2}}]
    yield case("infer", "digits", json.dumps({"inputs": [head | {"data": grey.tolist()}], "outputs": wanted}).encode())
    texts = {"name": "text", "shape": [2], "datatype": "BYTES"}
    yield case("infer", "reviews", json.dumps({"id": "7", "inputs": [texts | {"data": ["good", "bad"]}]}).encode())
    for model, one, content in (
        ("digits", head, grey.tobytes()),
        ("reviews", texts, b"\4\0\0\0good\3\0\0\0bad"),
    ):
        described = one | {"parameters": {"binary_data_size": len(content)}}
        text = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
        yield case("tensors", model, len(text).to_bytes(2, "little") + text + content)


ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}


def _picture(form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(file, form, **options)
    return file.getvalue()


MAKE = "import sys; from pathlib import Path; import serving_models as make; store = Path(sys.argv[1]); "
MAKE += "make.image(store); make.image(store, 'colours', channels=3); make.text(store); make.fraud(store)"


def fuzz(seconds: int, store: Path, corpus: Path) -> None:
    """Search for bytes that fail, for `seconds`, then end the process; its status is not 0 if some were found."""
    import atheris

    with atheris.instrument_imports(include=["serving", "suite.preprocessing.mirror", "werkzeug.sansio.multipart"]):
        decoders = Decoders(store)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = corpus.with_name("words")
    words.write_text("".join('"{}"\n'.format(word.replace('"', '\\"')) for word in WORDS))
    options = [f"-max_total_time={seconds}", f"-dict={words}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=3000"]
    options += [f"-artifact_prefix={Path.cwd()}/", str(corpus)]
    atheris.Setup([sys.argv[0], *options], lambda data: int(decoders(data) < 0))
    atheris.Fuzz()


def main() -> None:
    seconds, *given = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        store, corpus = Path(folder) / "store", Path(folder) / "corpus"
        corpus.mkdir()
        if not given:
            # In another process, because TensorFlow creates them and the service runs without it.
            subprocess.run([sys.executable, "-c", MAKE, str(store)], check=True, cwd=Path(__file__).parent)
        fuzz(int(seconds), Path(given[0]) if given else store, corpus)


if __name__ == "__main__":
    main()
