"""Third-party clients and our own client work with a real service."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_models as make
from click.testing import CliRunner

from serving.client import AsyncClient, CallError, Client
from serving.server import launcher as run
from suite.cli.call import command as call
from suite.errors import UsageError

OTHERS = Path(__file__).parents[3] / ".venv-clients/bin/python"
PICTURES = np.random.default_rng(3).integers(0, 256, (3, make.SIDE, make.SIDE, 1), np.uint8)


@pytest.fixture(scope="module")
def url(light: Path) -> Iterator[str]:
    with run.running(light) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture(scope="module")
def expected(client: Client) -> np.ndarray:
    answers = client.predict(PICTURES.tolist(), "digits")
    return np.array([list(answer["probabilities"].values()) for answer in answers])


def test_ours_speaks_in_instances_and_in_tensors(client: Client, expected: np.ndarray) -> None:
    found = client.infer({"image": PICTURES}, "digits", 1)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-6)
    texts = client.infer({"text": np.array(["good", "bäd"])}, "reviews")
    assert texts["probabilities"].shape == (2, 2)
    assert [model["name"] for model in client.models()] == ["colours", "digits", "payments", "reviews"]


def test_ours_asks_many_things_at_once(url: str, expected: np.ndarray) -> None:
    async def ask() -> list[Any]:
        async with AsyncClient(url) as client:
            return await asyncio.gather(*(client.infer({"image": PICTURES}, "digits") for _ in range(20)))

    for found in asyncio.run(ask()):
        np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-6)


def test_ours_says_what_was_wrong(client: Client) -> None:
    with pytest.raises(CallError, match="did you mean 'digits'") as raised:
        client.predict([1], "digit")
    assert raised.value.status == 404
    with pytest.raises(UsageError, match="'localhost' is no URL of a service: write it as http://"):
        Client("localhost")
    with Client("http://127.0.0.1:9", retries=0) as nobody, pytest.raises(CallError, match="start one with"):
        nobody.models()


def test_a_file_is_asked_about_from_the_command_line(url: str, tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", PICTURES)
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "rows.csv").write_text("amount,country\n3.5,de\n,fr\n")
    (tmp_path / "asked.json").write_text(json.dumps({"instances": ["good"]}))
    for model, file, rows in (("digits", "pictures.npy", 3), ("reviews", "good.txt", 1), ("payments/1", "rows.csv", 2),
                              ("reviews", "asked.json", 1)):  # fmt: skip
        done = CliRunner().invoke(call, [model, str(tmp_path / file), "--url", url, "--json"])
        assert done.exit_code == 0, done.output
        assert len(json.loads(done.stdout)["predictions"]) == rows


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_tritons(url: str, expected: np.ndarray, binary: bool, compression: str | None) -> None:
    triton = pytest.importorskip("tritonclient.http")
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.get_model_metadata("digits")["inputs"][0]["datatype"] == "UINT8"
    given = triton.InferInput("image", list(PICTURES.shape), "UINT8")
    given.set_data_from_numpy(PICTURES, binary_data=binary)
    wanted = triton.InferRequestedOutput("probabilities", binary_data=binary)
    result = client.infer(
        "digits", [given], outputs=[wanted], request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )  # fmt: skip
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, rtol=1e-6)
    texts = triton.InferInput("text", [2], "BYTES")
    texts.set_data_from_numpy(np.array(["good", "bad"], object), binary_data=binary)
    assert client.infer("reviews", [texts]).as_numpy("probabilities").shape == (2, 2)
    client.close()


def test_tritons_asynchronous_one(url: str, expected: np.ndarray) -> None:
    triton = pytest.importorskip("tritonclient.http.aio")

    async def ask() -> Any:
        client = triton.InferenceServerClient(url.removeprefix("http://"))
        given = triton.InferInput("image", list(PICTURES.shape), "UINT8")
        given.set_data_from_numpy(PICTURES)
        try:
            return (await client.infer("digits", [given])).as_numpy("probabilities")
        finally:
            await client.close()

    np.testing.assert_allclose(asyncio.run(ask()), expected, rtol=1e-6)


@pytest.mark.skipif(not OTHERS.exists(), reason="KServe's client is not installed: 'make test' does that")
def test_kserves(url: str, expected: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", PICTURES)
    script = Path(__file__).parents[1] / "kserve_client.py"
    command = [str(OTHERS), str(script), url, str(tmp_path / "pictures.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["live"], found["ready"], found["models"]) == (True, True, [True, False])
    assert (found["json as"], found["binary as"]) == ("application/json", "application/octet-stream")
    for kind in ("json", "binary", "rows"):
        np.testing.assert_allclose(found[kind], expected, rtol=1e-6)
