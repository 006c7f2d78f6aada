"""The Open Inference Protocol, version 2, with the binary extension."""

from functools import partial
from typing import Any

from flask import Blueprint, current_app

from serving.codecs import open_inference
from serving.codecs.open_inference import InferRequest
from serving.context import RequestContext
from serving.errors import ServiceError
from serving.http import body
from serving.http.dispatch import Route
from serving.http.messages import Request, Response, json_response
from serving.inference import InferenceService
from serving.models import catalogue
from serving.models.loader import READY
from serving.routes import loaded, service
from serving.signature import Tensor

views = Blueprint("open_inference", __name__, url_prefix="/v2")

BINARY = "application/octet-stream"
EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
PLATFORMS = {"tf": "tensorflow_savedmodel", "litert": "litert", "onnx": "onnx_onnxv1"}


def routes(service: InferenceService) -> list[Route]:
    """Return the routes that the event loop answers."""

    async def infer(request: Request, context: RequestContext, name: str, version: str | None = None) -> Response:
        """Run a model on tensors, and return its outputs as tensors."""
        size = body.cost(request)
        asked = await service.read(context, size, partial(read, request))
        model = await service.model(context, name, None if version is None else int(version))
        if model.card and not model.card.labels and any(output.classes for output in asked.outputs):
            raise ServiceError(400, f"the model '{name}' has no classes: leave the parameter 'classification' out")
        inputs = await service.decode_named(context, model.codec, asked.inputs, size)
        outputs = await service.run(context, model, inputs, size)
        labels = model.card.labels if model.card else []
        encode = partial(open_inference.encode_response, model.name, model.version, asked, outputs, labels)
        answer, json_length = await service.write(context, open_inference.count(asked, outputs), encode)
        if json_length is None:
            return Response(answer)
        return Response(answer, content_type=BINARY, headers=((open_inference.JSON_LENGTH, str(json_length)),))

    def read(request: Request) -> InferRequest:
        content = body.content(request, service.config.max_body)
        text, tail = open_inference.split(content, request.headers.get(body.JSON_LENGTH))
        text = body.utf8(request.headers.get("content-type", ""), text)
        return open_inference.decode_request(text, tail, service.limits, request.deadline)

    async def live(request: Request, context: RequestContext) -> Response:
        """Report that the process answers."""
        return json_response({"live": True})

    async def ready(request: Request, context: RequestContext) -> Response:
        """Report whether a model is ready."""
        is_ready = service.repository.state == READY
        return json_response({"ready": is_ready}, 200 if is_ready else 503)

    return [
        Route("POST", "/v2/models/{name}/infer", infer),
        Route("POST", "/v2/models/{name}/versions/{version}/infer", infer),
        Route("GET", "/v2/health/live", live),
        Route("GET", "/v2/health/ready", ready),
    ]


@views.get("")
@views.get("/")
def server() -> dict[str, Any]:
    """Describe the server."""
    return {"name": "suite", "version": current_app.config["VERSION"], "extensions": EXTENSIONS}


@views.get("/models/<name>/ready")
@views.get("/models/<name>/versions/<int:version>/ready")
def model_ready(name: str, version: int | None = None) -> dict[str, Any]:
    """Report whether a model is ready."""
    return {"name": catalogue.ready(loaded(name, version)).name, "ready": True}


@views.get("/models/<name>")
@views.get("/models/<name>/versions/<int:version>")
def metadata(name: str, version: int | None = None) -> dict[str, Any]:
    """Describe the tensors of a model."""
    model = catalogue.ready(loaded(name, version))
    return {
        "name": model.name,
        "versions": [str(one) for one in service().repository.versions(name)],
        "platform": PLATFORMS.get(model.engine, model.engine),
        "inputs": [_describe(key, tensor) for key, tensor in model.signature.inputs.items()],
        "outputs": [_describe(key, tensor) for key, tensor in model.signature.outputs.items()],
    }


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape = [-1] if tensor.shape is None else [-1 if length is None else length for length in tensor.shape]
    return {"name": name, "datatype": open_inference.OF_DTYPE.get(tensor.dtype, tensor.dtype.upper()), "shape": shape}
