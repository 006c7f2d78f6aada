"""TensorFlow Serving's REST interface: https://www.tensorflow.org/tfx/serving/api_rest."""

import json
from functools import partial
from typing import Any

import numpy as np
import simdjson
from flask import Blueprint

from serving.codecs import columnar, payload, responses
from serving.codecs.json_types import members
from serving.codecs.json_types import name as name_of
from serving.codecs.payload import Asked
from serving.context import RequestContext
from serving.errors import ServiceError
from serving.http import body
from serving.http.dispatch import Route
from serving.http.messages import Request, Response
from serving.inference import InferenceService
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.routes import NAMED
from serving.routes import service as current
from serving.signature import Tensor

views = Blueprint("tfserving", __name__, url_prefix="/v1/models")

SIGNATURE = "serving_default"
STATES = {READY: "AVAILABLE", LOADING: "LOADING", FAILED: "END"}
DTYPES = {"float16": "DT_HALF", "float32": "DT_FLOAT", "float64": "DT_DOUBLE"}
# Names end where a method begins, or every method of a model would look like a model of its own.
BY_VERSION = tuple(f"/<{NAMED}:name>{rest}" for rest in ("", "/versions/<int:version>", f"/labels/<{NAMED}:label>"))


async def predict(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """`instances`, row by row, or `inputs`, column by column."""
    document, text, model = await _read(service, request, context, **wanted)
    size = body.cost(request)
    if ("instances" in document) == ("inputs" in document):
        raise ServiceError(400, "the body has to have either 'instances' (rows) or 'inputs' (columns)")
    if "inputs" in document:
        read = partial(columnar.read, document["inputs"], model.card, model.signature, service.config.max_elements)
        raw = await service.compute(context, read) if model.kind == "image" else read()
        return _json(f'{{"outputs": {responses.columns(await service.run(context, model, raw, size))}}}')
    asked = Asked(None, None, payload.instances(document["instances"], service.config.max_rows), text)
    outputs = await service.run(context, model, await service.decode(context, model, asked, size), size)
    return _json(f'{{"predictions": {responses.tensors(outputs, asked.rows)}}}')


async def classify(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """`examples`, objects of features; the answer pairs each label with its score."""
    model, outputs = await _examples(service, request, context, **wanted)
    if not model.card:
        raise ServiceError(400, f"the model '{model.name}' has no labels: use :predict")
    labels = [json.dumps(one, ensure_ascii=False) for one in model.card.labels]
    rows = ",".join(
        "[" + ",".join(f"[{label},{score}]" for label, score in zip(labels, row, strict=True)) + "]"
        for row in map(responses.numbers, next(iter(outputs.values())))
    )
    return _json(f'{{"results": [{rows}]}}')


async def regress(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """`examples`, objects of features; the answer is a number each: of two labels, how likely the second is."""
    model, outputs = await _examples(service, request, context, **wanted)
    values = next(iter(outputs.values()))
    if values.ndim == 2 and values.shape[1] == 2 and model.card:
        values = values[:, 1]
    if values.size != len(values) or values.dtype.kind != "f":
        raise ServiceError(400, f"the model '{model.name}' does not answer one number a row: use :predict")
    return _json(f'{{"results": {responses.flat(values)}}}')


def routes(service: InferenceService) -> list[Route]:
    """The routes that the event loop responses."""
    paths = ("/v1/models/{name}", "/v1/models/{name}/versions/{version}", "/v1/models/{name}/labels/{label}")
    handlers = (predict, classify, regress)
    return [
        Route("POST", f"{path}:{handler.__name__}", partial(handler, service)) for path in paths for handler in handlers
    ]


def status(name: str, version: int | None = None, label: str | None = None) -> dict[str, Any]:
    """The versions that are served."""
    repository = current().repository
    wanted = label if label is not None else version
    found = [model for model in repository.models() if model.name == name]
    if wanted is not None or not found:
        found = [repository.find(name, wanted)]
    return {
        "model_version_status": [
            {
                "version": str(model.version),
                "state": STATES[model.state],
                "status": {
                    "error_code": "OK" if model.state == READY else "UNKNOWN",
                    "error_message": model.reason,
                },
            }
            for model in found
        ]
    }


def metadata(name: str, version: int | None = None, label: str | None = None) -> dict[str, Any]:
    """The signature."""
    model = current().repository.get(name, label if label is not None else version)
    signature = {
        "inputs": {key: _describe(key, tensor) for key, tensor in model.signature.inputs.items()},
        "outputs": {key: _describe(key, tensor) for key, tensor in model.signature.outputs.items()},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


for rule in BY_VERSION:
    views.add_url_rule(rule, view_func=status)
    views.add_url_rule(f"{rule}/metadata", view_func=metadata)


async def _read(
    service: InferenceService,
    request: Request,
    context: RequestContext,
    name: str,
    version: str | None = None,
    label: str | None = None,
) -> tuple[Any, bytes, Model]:
    """The body's JSON object and its text, and the model that is asked."""
    text = await service.read(context, body.cost(request), partial(body.content, request, service.config))
    document = payload.parsed(text, "instances")
    if not isinstance(document, simdjson.Object):
        raise ServiceError(400, f"the body is {name_of(document)}: send an object with 'instances'")
    signature = document.get("signature_name")
    if signature not in (None, "", SIGNATURE):
        raise ServiceError(400, f"there is no signature '{str(signature)[:50]}': leave 'signature_name' out")
    model = await service.model(context, name, int(version) if version else label)
    return document, text, model


async def _examples(
    service: InferenceService, request: Request, context: RequestContext, **wanted: Any
) -> tuple[Model, dict[str, np.ndarray]]:
    """The outputs for the examples of a request; features in `context` are in all of them."""
    document, _, model = await _read(service, request, context, **wanted)
    size = body.cost(request)
    examples = payload.instances(document.get("examples"), service.config.max_rows, "examples")
    shared = document.get("context")
    if shared is not None:
        await _check_context(service, context, shared, model)
        examples = [_merged(shared, example, index) for index, example in enumerate(examples)]
    asked = Asked(None, None, examples)
    outputs = await service.run(context, model, await service.decode(context, model, asked, size), size)
    for x in outputs.values():
        responses.check_finite(x)
    return model, outputs


def _merged(context: Any, example: Any, index: int) -> dict[str, Any]:
    if not isinstance(example, simdjson.Object):
        raise ServiceError(400, f"example {index} is {name_of(example)}: make it an object of features")
    return members(context) | members(example)


async def _check_context(
    service: InferenceService, request_context: RequestContext, context: Any, model: Model
) -> None:
    """ServiceError 400 for a wrong feature, which no example would show that has its own."""
    if not isinstance(context, simdjson.Object):
        raise ServiceError(400, f"'context' is {name_of(context)}: make it an object of features")
    if model.kind == "table":
        await service.decode(request_context, model, Asked(model.name, None, [members(context)]), 0)


def _json(text: str) -> Response:
    return Response(text.encode() + b"\n")


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape: dict[str, Any] = {"dim": [], "unknown_rank": tensor.shape is None}
    for length in tensor.shape or ():
        shape["dim"].append({"size": str(-1 if length is None else length), "name": ""})
    return {"dtype": DTYPES.get(tensor.dtype, f"DT_{tensor.dtype.upper()}"), "tensor_shape": shape, "name": f"{name}:0"}
