"""Every method of Triton's client works, or raises an error with our own explanation."""

import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_models as make

from serving.config import Config
from serving.server import launcher

triton = pytest.importorskip("tritonclient.http")

TOKEN = {"Authorization": "Bearer correct horse"}
PICTURES = np.zeros((2, make.SIDE, make.SIDE, 1), np.uint8)
# Methods that need no service.
LOCAL = {"close", "plugin", "register_plugin", "unregister_plugin", "generate_request_body", "parse_response_body"}


@pytest.fixture(scope="module")
def client(light: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(light / "digits", models / "digits")
    config = Config(models=models, port=0, workers=1, admin_token="correct horse")
    with launcher.started(config) as service:
        launcher.wait_ready(service, 1, 60)
        client = triton.InferenceServerClient(service.url.removeprefix("http://"))
        yield client
        client.close()


def pictures() -> list[Any]:
    given = triton.InferInput("image", list(PICTURES.shape), "UINT8")
    given.set_data_from_numpy(PICTURES)
    return [given]


WORKS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "is_server_live": ((), {}),
    "is_server_ready": ((), {}),
    "is_model_ready": (("digits", "1"), {}),
    "get_server_metadata": ((), {}),
    "get_model_metadata": (("digits",), {}),
    "get_model_config": (("digits", "1"), {}),
    "get_model_repository_index": ((), {}),
    "get_inference_statistics": (("digits",), {}),
    "get_system_shared_memory_status": ((), {}),
    "get_cuda_shared_memory_status": ((), {}),
    "unregister_system_shared_memory": ((), {}),
    "unregister_cuda_shared_memory": (("region",), {}),
    "unload_model": (("digits",), {"headers": TOKEN}),
    "load_model": (("digits",), {"headers": TOKEN}),
}
REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "update_trace_settings": ((), {"settings": {"trace_level": ["TIMESTAMPS"]}}, "OpenTelemetry's variables"),
    "get_trace_settings": (("digits",), {}, "OpenTelemetry's variables"),
    "update_log_settings": (({"log_verbose_level": 1},), {}, "SUITE_ACCESS_LOG"),
    "get_log_settings": ((), {}, "SUITE_ACCESS_LOG"),
    "register_system_shared_memory": (("region", "/key", 64), {}, "send tensors in the body"),
    "register_cuda_shared_memory": (("region", b"handle", 0, 64), {}, "send tensors in the body"),
}


def test_all_its_methods_are_tried_here() -> None:
    methods = {
        name for name, _ in inspect.getmembers(triton.InferenceServerClient, callable) if not name.startswith("_")
    }
    assert methods == LOCAL | WORKS.keys() | REFUSED.keys() | {"infer", "async_infer"}


@pytest.mark.parametrize("method", WORKS)
def test_it_works(client: Any, method: str) -> None:
    args, more = WORKS[method]
    answer = getattr(client, method)(*args, **more)
    assert answer is not False


@pytest.mark.parametrize("method", REFUSED)
def test_it_says_what_there_is_not(client: Any, method: str) -> None:
    args, more, words = REFUSED[method]
    with pytest.raises(triton.InferenceServerException, match=words):
        getattr(client, method)(*args, **more)


def test_what_is_wrong_is_told_in_our_words(client: Any) -> None:
    for ask, words in (
        (lambda: client.get_model_config("digit"), "did you mean 'digits'"),
        (lambda: client.get_inference_statistics("digits", "7"), "there is no version 7"),
        (lambda: client.get_system_shared_memory_status("region"), "there is no region 'region'"),
        (lambda: client.load_model("digits", headers=TOKEN, config="{}"), "leave 'parameters' out"),
        (lambda: client.unload_model("digits"), "administrator's token"),
        (lambda: client.infer("digits", [triton.InferInput("image", [1], "UINT8")]), "neither 'data' nor"),
    ):
        with pytest.raises(triton.InferenceServerException, match=words):
            ask()


def test_the_configuration_tells_tensors_and_batches(client: Any) -> None:
    config = client.get_model_config("digits")
    assert config["input"] == [{"name": "image", "data_type": "TYPE_UINT8", "dims": [8, 8, 1]}]
    assert config["output"] == [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [3]}]
    assert (config["name"], config["backend"], config["max_batch_size"]) == ("digits", "litert", 10_000)
    assert "dynamic_batching" not in config


def test_statistics_count_what_was_asked(client: Any) -> None:
    (before,) = client.get_inference_statistics()["model_stats"]
    client.infer("digits", pictures())
    assert client.async_infer("digits", pictures()).get_result().as_numpy("probabilities").shape == (2, 3)
    (after,) = client.get_inference_statistics("digits")["model_stats"]
    assert (after["name"], after["version"]) == ("digits", "1")
    assert after["inference_count"] - before["inference_count"] == 4
    success = [one["inference_stats"]["success"]["count"] for one in (before, after)]
    assert success[1] - success[0] == 2
    assert after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
