"""Random bytes for everything that reads a body: each request gets a response, and never an internal error."""

import gzip
import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import fuzz_decoders as fuzzing
import numpy as np
import pytest
import zstandard
from fuzz_decoders import Decoders, case
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = list(fuzzing.seeds())


def npy(*values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.resize(np.array(values), (1, 8, 8, 1)))
    return file.getvalue()


SIGNALLING = np.array(0x7FF0000000000001, np.uint64).view(np.float64)
# Found by the fuzzer, and fixed.
FOUND = {
    "no number where a whole one is expected": case("npy", "digits", npy(float("nan"), 1)),
    "no number at all": case("npy", "digits", npy(float("nan"))),
    "an infinite one": case("npy", "digits", npy(float("inf"), float("-inf"))),
    "a number that no float32 holds": case("plain", "digits", b'{"instances": [1, 21e38]}'),
    "one of a CSV": case("csv", "payments", b"amount\r\n" + b"8" * 60 + b"\r\n"),
    "a NaN that signals": case("npy", "digits", npy(SIGNALLING, 1.0)),
    "a part of a form without a name": case(
        "form", "digits", b'--b\r\nContent-Disposition: form-data; x="y"\r\n\r\nz\r\n--b--\r\n'
    ),
}
keys = st.sampled_from([word.strip('"') for word in fuzzing.WORDS if word.startswith('"')]) | st.text(max_size=3)
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**65)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["UINT8", "FP32", "BYTES", "BOOL", "FP16", "image", "text", "amount", "Z29vZA==", "probabilities"]
    )
)
documents = st.recursive(
    values, lambda x: st.lists(x, max_size=4) | st.dictionaries(keys, x, max_size=4), max_leaves=12
)
models = st.sampled_from(fuzzing.MODELS)
tensors = st.fixed_dictionaries(
    {"name": keys, "shape": st.lists(st.integers(-1, 9), max_size=5) | documents, "datatype": values},
    optional={"data": documents, "parameters": st.dictionaries(keys, values, max_size=2)},
)
infers = st.fixed_dictionaries(
    {"inputs": st.lists(tensors, max_size=2) | documents},
    optional={"outputs": documents, "id": values, "parameters": documents},
)


@pytest.fixture(scope="module")
def decoders(light: Path) -> Decoders:
    return Decoders(light)


def test_what_the_fuzzers_begin_with_is_answered(decoders: Decoders) -> None:
    assert {fuzzing.NAMES[seed[0]] for seed in SEEDS} == set(fuzzing.NAMES)
    assert [decoders(seed) for seed in SEEDS] == [200] * len(SEEDS)


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once(decoders: Decoders, name: str) -> None:
    assert decoders(FOUND[name]) == 400


@given(st.sampled_from(SEEDS), st.data())
def test_no_change_of_a_good_body_breaks_the_service(decoders: Decoders, seed: bytes, data: st.DataObject) -> None:
    """A piece of a valid body is left out, doubled or replaced."""
    start, end = sorted(data.draw(st.lists(st.integers(2, len(seed)), min_size=2, max_size=2)))
    other = data.draw(st.binary(max_size=8) | st.sampled_from([word.encode() for word in fuzzing.WORDS]))
    piece = data.draw(st.sampled_from([b"", seed[start:end] * 2, other, seed[start:end] + other]))
    decoders(seed[:start] + piece + seed[end:])


@given(st.sampled_from(fuzzing.NAMES), models, st.binary(max_size=200))
def test_no_bytes_break_the_service(decoders: Decoders, kind: str, model: str, body: bytes) -> None:
    decoders(case(kind, model, body))


@given(st.sampled_from(["json", "predict", "classify", "infer", "plain"]), models, st.dictionaries(keys, documents))
def test_no_document_breaks_the_service(decoders: Decoders, kind: str, model: str, document: Any) -> None:
    decoders(case(kind, model, json.dumps(document).encode()))


@given(models, infers, st.none() | st.binary(max_size=300), st.integers(-3, 3))
def test_no_tensors_break_the_service(
    decoders: Decoders, model: str, document: Any, tail: bytes | None, wrong_by: int
) -> None:
    text = json.dumps(document).encode()
    if tail is None:
        decoders(case("infer", model, text))
    else:
        length = max(0, min(len(text) + wrong_by, 2**16 - 1))
        decoders(case("tensors", model, length.to_bytes(2, "little") + text + tail))


@given(st.lists(st.lists(st.text(max_size=6), max_size=5), max_size=5), st.sampled_from([",", ";", "\t"]), models)
def test_no_table_breaks_the_service(decoders: Decoders, rows: list[list[str]], comma: str, model: str) -> None:
    lines = [["amount", "country", "time"], *rows]
    decoders(case("csv", model, "\n".join(comma.join(row) for row in lines).encode("utf-8", "surrogatepass")))


ENCODE = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}


@given(st.sampled_from(sorted(ENCODE)), st.binary(max_size=60), st.integers(0, 80), st.binary(max_size=3))
def test_no_compressed_body_breaks_the_service(
    decoders: Decoders, encoding: str, content: bytes, cut: int, other: bytes
) -> None:
    packed = ENCODE[encoding](content)
    decoders(case(encoding, "digits", packed[:cut] + other + packed[cut:]))


headers = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)


@given(headers, headers, st.binary(max_size=30), st.sampled_from(["--b--", "--b", "", "--b--\r\n--b\r\n"]))
def test_no_form_breaks_the_service(decoders: Decoders, name: str, more: str, content: bytes, end: str) -> None:
    disposition = f'Content-Disposition: form-data; name="{name}"; {more}\r\nContent-Type: {more}'.encode("latin-1")
    decoders(case("form", "digits", b"--b\r\n" + disposition + b"\r\n\r\n" + content + b"\r\n" + end.encode()))


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["X-Request-Timeout-Ms", "X-Request-Id", "Content-Encoding", "Content-Type", "Accept-Encoding",
                         "Inference-Header-Content-Length", "Authorization", "Content-Length", "Host", "Range"]),
        headers,
    ),
    headers,
)  # fmt: skip
def test_no_headers_break_the_service(client: Any, given_headers: dict[str, str], query: str) -> None:
    for path in ("/predict", "/v2/models/digits/infer", "/v1/models/digits:predict"):
        response = client.post(path, data=b"{}", headers=given_headers, query_string=f"model={query}&version={query}")
        assert response.status_code in (*fuzzing.ALLOWED, 504), response.text


@pytest.mark.slow
def test_a_fuzzer_that_sees_the_code_finds_nothing_for_a_while(light: Path, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="the fuzzer Atheris is not installed: it is for Linux on x86-64")
    command = [sys.executable, fuzzing.__file__, "10", str(light)]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, errors="replace",
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    runs = int(done.stderr.rpartition("Done ")[2].split()[0])
    assert runs > 1000
