"""Sends requests with KServe's client and prints the responses as JSON. It needs an interpreter that has that client.

Arguments: the service's URL and a file of pictures for the model `digits`.
"""

import asyncio
import importlib.util
import json
import sys
import types
from typing import Any

import numpy as np

# Import the client alone: the whole package loads code for operating a Kubernetes cluster.
spec = importlib.util.find_spec("kserve")
package = types.ModuleType("kserve")
package.__path__ = spec.submodule_search_locations  # type: ignore[union-attr,assignment]
sys.modules["kserve"] = package

from kserve.inference_client import InferenceRESTClient, RESTConfig  # noqa: E402
from kserve.protocol.infer_type import InferInput, InferRequest, RequestedOutput  # noqa: E402


async def ask(url: str, pictures: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found["live"] = await client.is_server_live(url)
        found["ready"] = await client.is_server_ready(url)
        found["models"] = [await client.is_model_ready(url, name) for name in ("digits", "nothing")]
        for kind in ("json", "binary"):
            binary = kind == "binary"
            given = InferInput("image", list(pictures.shape), "UINT8")
            given.set_data_from_numpy(pictures, binary_data=binary)
            wanted = [RequestedOutput("probabilities", {"binary_data": binary})]
            request = InferRequest("digits", [given], "7", request_outputs=wanted)
            headers: dict[str, str] = {}
            answer = await client.infer(url, request, "digits", response_headers=headers)
            found[kind] = answer.outputs[0].as_numpy().tolist()
            found[f"{kind} as"] = headers["content-type"]
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        found["rows"] = (await client.infer(url, {"instances": pictures.tolist()}, "digits"))["predictions"]
    return found


print(json.dumps(asyncio.run(ask(sys.argv[1], np.load(sys.argv[2])))))
