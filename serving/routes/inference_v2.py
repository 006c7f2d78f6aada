"""The Open Inference Protocol, version 2, with the binary extension."""

from typing import Any

from flask import Blueprint, Response, current_app, request

from serving.codec import content, v2
from serving.loading import READY
from serving.routes import core, patience
from serving.signature import Tensor

routes = Blueprint("v2", __name__, url_prefix="/v2")

EXTENSIONS = ["binary_tensor_data", "classification"]
PLATFORMS = {"tf": "tensorflow_savedmodel", "litert": "litert"}


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
    is_ready = core().repository.state == READY
    return {"ready": is_ready}, 200 if is_ready else 503


@routes.get("/models/<name>/ready")
@routes.get("/models/<name>/versions/<int:version>/ready")
def model_ready(name: str, version: int | None = None) -> dict[str, Any]:
    """Whether this model can be asked."""
    return {"name": core().repository.get(name, version).name, "ready": True}


@routes.get("/models/<name>")
@routes.get("/models/<name>/versions/<int:version>")
def metadata(name: str, version: int | None = None) -> dict[str, Any]:
    """A model's tensors."""
    model = core().repository.get(name, version)
    return {
        "name": model.name,
        "versions": [str(one) for one in core().repository.versions(name)],
        "platform": PLATFORMS.get(model.engine, model.engine),
        "inputs": [_describe(key, tensor) for key, tensor in model.signature.inputs.items()],
        "outputs": [_describe(key, tensor) for key, tensor in model.signature.outputs.items()],
    }


@routes.post("/models/<name>/infer")
@routes.post("/models/<name>/versions/<int:version>/infer")
def infer(name: str, version: int | None = None) -> Response:
    """Tensors in, tensors out."""
    here = core()
    text = content.read(request, here.config.max_body)
    model = here.repository.get(name, version)
    asked = v2.read(text, request.headers.get(v2.JSON_LENGTH), here.config.max_elements)
    outputs = here.run(model, here.decode_named(model, asked.inputs), patience())
    labels = model.card.labels if model.card else []
    answer, length = v2.write(model.name, model.version, asked, outputs, labels)
    if length is None:
        return Response(answer, mimetype="application/json")
    return Response(answer, mimetype="application/octet-stream", headers={v2.JSON_LENGTH: str(length)})


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape = [-1] if tensor.shape is None else [-1 if length is None else length for length in tensor.shape]
    return {"name": name, "datatype": v2.OF_DTYPE.get(tensor.dtype, tensor.dtype.upper()), "shape": shape}
