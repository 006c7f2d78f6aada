"""The Open Inference Protocol, version 2, with the binary extension."""

from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app

from serving import context as arrival
from serving.codecs import open_inference as v2
from serving.http import body
from serving.http import content_encoding as content
from serving.http.dispatch import Reply, View
from serving.inference import Core
from serving.models.loader import READY
from serving.routes import service
from serving.scheduling import deadline as patience
from serving.server.plain import JSON_LENGTH
from serving.signature import Tensor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

routes = Blueprint("v2", __name__, url_prefix="/v2")

EXTENSIONS = ["binary_tensor_data", "classification", "model_repository"]
PLATFORMS = {"tf": "tensorflow_savedmodel", "litert": "litert", "onnx": "onnx_onnxv1"}


@routes.get("")
@routes.get("/")
def server() -> dict[str, Any]:
    """What the service is."""
    return {"name": "suite", "version": current_app.config["VERSION"], "extensions": EXTENSIONS}


@routes.get("/health/live")
def live() -> dict[str, bool]:
    """That the process answers."""
    return {"live": True}


@routes.get("/health/ready")
def ready() -> tuple[dict[str, bool], int]:
    """Whether a model can be asked."""
    is_ready = service().repository.state == READY
    return {"ready": is_ready}, 200 if is_ready else 503


@routes.get("/models/<name>/ready")
@routes.get("/models/<name>/versions/<int:version>/ready")
def model_ready(name: str, version: int | None = None) -> dict[str, Any]:
    """Whether this model can be asked."""
    return {"name": service().repository.get(name, version).name, "ready": True}


@routes.get("/models/<name>")
@routes.get("/models/<name>/versions/<int:version>")
def metadata(name: str, version: int | None = None) -> dict[str, Any]:
    """A model's tensors."""
    model = service().repository.get(name, version)
    return {
        "name": model.name,
        "versions": [str(one) for one in service().repository.versions(name)],
        "platform": PLATFORMS.get(model.engine, model.engine),
        "inputs": [_describe(key, tensor) for key, tensor in model.signature.inputs.items()],
        "outputs": [_describe(key, tensor) for key, tensor in model.signature.outputs.items()],
    }


async def infer(core: Core, environ: "WSGIEnvironment", name: str, version: str | None) -> Reply:
    """Tensors in, tensors out."""
    waits = patience.of_request(environ)
    whole = content.read(environ, core.config.max_body, waits)
    model = await core.model(arrival.of(environ), name, None if version is None else int(version))
    text, tail = v2.split(whole, environ.get(JSON_LENGTH))
    text = body.utf8(environ.get("CONTENT_TYPE", ""), text)
    asked = v2.decode_request(text, tail, core.limits, waits)
    outputs = await core.run(model, await core.decode_named(model, asked.inputs, waits), waits)
    labels = model.card.labels if model.card else []
    answer, length = v2.encode_response(model.name, model.version, asked, outputs, labels)
    if length is None:
        return Reply(answer)
    return Reply(answer, "application/octet-stream", ((v2.JSON_LENGTH, str(length)),))


VIEWS: list[tuple[str, View]] = [("/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[0-9]{1,18}))?/infer", infer)]


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape = [-1] if tensor.shape is None else [-1 if length is None else length for length in tensor.shape]
    return {"name": name, "datatype": v2.OF_DTYPE.get(tensor.dtype, tensor.dtype.upper()), "shape": shape}
