"""TensorFlow Serving's REST interface: https://www.tensorflow.org/tfx/serving/api_rest."""

import base64
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import simdjson
from flask import Blueprint

from serving.codecs import classify_regress, columnar, payload, responses, tensors
from serving.codecs.classify_regress import takes_examples
from serving.codecs.json_types import members
from serving.codecs.json_types import name as name_of
from serving.codecs.payload import Asked
from serving.context import RequestContext
from serving.engines.base import Arrays
from serving.errors import ServiceError
from serving.http import body
from serving.http.dispatch import Route
from serving.http.messages import Request, Response
from serving.inference import InferenceService
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.routes import NAMED, may_ask
from serving.routes import service as current
from serving.signature import CLASSIFY, PREDICT, REGRESS, Signature, Tensor

views = Blueprint("tfserving", __name__, url_prefix="/v1/models")

STATES = {READY: "AVAILABLE", LOADING: "LOADING", FAILED: "END"}
# Text outputs with this ending in their name hold bytes.
BYTES = "_bytes"
DTYPES = {"float16": "DT_HALF", "float32": "DT_FLOAT", "float64": "DT_DOUBLE"}
# A name ends at a colon, so that a method is not taken for part of it.
BY_VERSION = tuple(f"/<{NAMED}:name>{rest}" for rest in ("", "/versions/<int:version>", f"/labels/<{NAMED}:label>"))


async def predict(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """`instances`, row by row, or `inputs`, column by column."""
    asked = await _read(service, request, context, **wanted)
    document, model = asked.document, asked.model
    if ("instances" in document) == ("inputs" in document):
        raise ServiceError(400, "the body has to have either 'instances' (rows) or 'inputs' (columns)")
    if "inputs" in document:
        read = partial(columnar.read, document["inputs"], model.card, asked.signature, service.config.max_elements)
        raw = await service.compute(context, read) if model.kind == "image" else read()
        outputs = await service.run(context, model, raw, asked.size, asked.signature_name)
        return _json(f'{{"outputs": {responses.columns(_encoded(outputs))}}}')
    rows = Asked(None, None, payload.instances(document["instances"], service.config.max_rows), asked.text)
    outputs = await service.run(
        context, model, await _decode(service, context, asked, rows), asked.size, asked.signature_name
    )
    return _json(f'{{"predictions": {responses.tensors(_encoded(outputs), rows.rows)}}}')


async def classify(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """`examples`, objects of features; the answer pairs each label with its score."""
    asked = await _read(service, request, context, **wanted)
    _check_method(asked, CLASSIFY)
    outputs = await _examples(service, context, asked)
    if not asked.model.card:
        return _json(f'{{"results": {classify_regress.write_classes(outputs)}}}')
    scores = next(iter(outputs.values()))
    return _json(f'{{"results": {classify_regress.write_labels(asked.model.card.labels, scores)}}}')


async def regress(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """`examples`, objects of features; the answer is a number each: of two labels, how likely the second is."""
    asked = await _read(service, request, context, **wanted)
    _check_method(asked, REGRESS)
    outputs = await _examples(service, context, asked)
    values = next(iter(outputs.values()))
    if values.ndim == 2 and values.shape[1] == 2 and asked.model.card:
        values = values[:, 1]
    if not values.ndim or values.size != len(values) or values.dtype.kind != "f":
        raise ServiceError(400, f"the model '{asked.model.name}' does not answer one number a row: use :predict")
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
    found = [model for model in repository.models(may_ask()) if model.name == name]
    if wanted is not None or not found:
        found = [repository.load(name, wanted, may_ask()).result()]
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
    """All signatures."""
    model = current().repository.get(name, label if label is not None else version, may_ask())
    signatures = {
        key: {
            "inputs": {name: _describe(name, tensor) for name, tensor in signature.inputs.items()},
            "outputs": {name: _describe(name, tensor) for name, tensor in signature.outputs.items()},
            "method_name": signature.method,
        }
        for key, signature in model.signatures.items()
    }
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


for rule in BY_VERSION:
    views.add_url_rule(rule, view_func=status)
    views.add_url_rule(f"{rule}/metadata", view_func=metadata)


@dataclass
class ModelRequest:
    """A request for one signature of a model, and the JSON of its body as an object and as text of a `size`.

    `signature_name` is empty for the default signature.
    """

    document: Any
    text: bytes
    size: int
    model: Model
    signature_name: str
    signature: Signature


async def _read(
    service: InferenceService,
    request: Request,
    context: RequestContext,
    name: str,
    version: str | None = None,
    label: str | None = None,
) -> ModelRequest:
    """Read a request; ServiceError 400, 403, 404 or 503."""
    size = body.cost(request)
    text = await service.read(context, size, partial(body.content, request, service.config))
    document = await service.read(context, size, partial(payload.parsed, text, "instances"))
    if not isinstance(document, simdjson.Object):
        raise ServiceError(400, f"the body is {name_of(document)}: send an object with 'instances'")
    wanted = document.get("signature_name")
    if not (wanted is None or isinstance(wanted, str)):
        raise ServiceError(400, f"'signature_name' is {name_of(wanted)}: give it as text")
    model = await service.model(context, name, int(version) if version else label)
    return ModelRequest(document, text, size, model, *_signature(model, wanted or ""))


def _signature(model: Model, wanted: str) -> tuple[str, Signature]:
    """The signature of this name, or the default one if the name is empty; ServiceError 400."""
    there = ", ".join(model.batchers)
    if not wanted:
        if not model.has_default_signature:
            raise ServiceError(400, f"the model '{model.name}' has no default: name one as 'signature_name': {there}")
        return "", model.signature
    if wanted not in model.batchers:
        why = model.signatures[wanted].complaint if wanted in model.signatures else ""
        why = f"the signature '{wanted}' cannot be asked ({why})" if why else f"there is no signature '{wanted[:50]}'"
        raise ServiceError(400, f"{why}: leave 'signature_name' out, or give one of: {there}")
    signature = model.signatures[wanted]
    return ("" if signature is model.signature else wanted), signature


def _check_method(asked: ModelRequest, method: str) -> None:
    """ServiceError 400 if the signature does not support the method."""
    signature, model = asked.signature, asked.model
    if model.card:
        return
    able = [name for name in model.batchers if _answers(model.signatures[name], method)]
    hint = f"use :predict, or as signature_name one of: {', '.join(able)}" if able else "use :predict"
    if method == CLASSIFY and not classify_regress.answers_classes(signature):
        raise ServiceError(400, f"the model '{model.name}' has no labels in this signature: {hint}")
    if method == REGRESS and signature.method == CLASSIFY:
        raise ServiceError(400, f"this signature of the model '{model.name}' classifies: {hint}")
    if signature.method != PREDICT and not takes_examples(signature):
        raise ServiceError(400, f"this signature of the model '{model.name}' takes no examples: {hint}")


def _answers(signature: Signature, method: str) -> bool:
    """Whether a signature was made for this method."""
    if signature.method not in (method, PREDICT) or not takes_examples(signature):
        return False
    return classify_regress.answers_classes(signature) == (method == CLASSIFY)


async def _decode(service: InferenceService, context: RequestContext, asked: ModelRequest, rows: Asked) -> Arrays:
    """Decode rows of values to raw inputs of the signature."""
    if asked.signature_name:
        return tensors.read(rows, asked.signature.inputs, service.config.max_elements)
    return await service.decode(context, asked.model, rows, asked.size)


async def _examples(service: InferenceService, context: RequestContext, asked: ModelRequest) -> dict[str, np.ndarray]:
    """The outputs for the examples of a request; features in `context` belong to all of them."""
    examples = payload.instances(asked.document.get("examples"), service.config.max_rows, "examples")
    shared = asked.document.get("context")
    if shared is not None and not isinstance(shared, simdjson.Object):
        raise ServiceError(400, f"'context' is {name_of(shared)}: make it an object of features")
    if asked.model.card is None and takes_examples(asked.signature):
        features = {} if shared is None else members(shared)
        raw = classify_regress.encode_examples([*examples], features, asked.signature)
    else:
        if shared is not None:
            await _check_context(service, context, shared, asked.model)
            examples = [_merged(shared, example, index) for index, example in enumerate(examples)]
        raw = await _decode(service, context, asked, Asked(None, None, examples))
    outputs = await service.run(context, asked.model, raw, asked.size, asked.signature_name)
    for key, x in outputs.items():
        if len(examples) != (len(x) if x.ndim else 0):
            raise ServiceError(422, f"the output '{key}' has shape {x.shape}, not one row an example: use :predict")
        responses.check_finite(x)
    return outputs


def _merged(context: Any, example: Any, index: int) -> dict[str, Any]:
    if not isinstance(example, simdjson.Object):
        raise ServiceError(400, f"example {index} is {name_of(example)}: make it an object of features")
    return members(context) | members(example)


async def _check_context(service: InferenceService, context: RequestContext, shared: Any, model: Model) -> None:
    """ServiceError 400 for a wrong feature, even if all examples override it."""
    if model.kind == "table":
        await service.decode(context, model, Asked(model.name, None, [members(shared)]), 0)


def _encoded(outputs: Arrays) -> Arrays:
    """The outputs, with values as {"b64": "..."} in those whose name says that they are bytes."""
    encode = np.frompyfunc(lambda item: {"b64": base64.b64encode(item).decode()}, 1, 1)
    return {
        name: np.asarray(encode(x), object) if name.endswith(BYTES) and x.dtype.kind == "O" else x
        for name, x in outputs.items()
    }


def _json(text: str) -> Response:
    return Response(text.encode() + b"\n")


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape: dict[str, Any] = {"dim": [], "unknown_rank": tensor.shape is None}
    for length in tensor.shape or ():
        shape["dim"].append({"size": str(-1 if length is None else length), "name": ""})
    dtype = DTYPES.get(tensor.dtype, f"DT_{tensor.dtype.upper()}")
    return {"dtype": dtype, "tensor_shape": shape, "name": tensor.graph_name or f"{name}:0"}
