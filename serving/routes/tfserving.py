"""TensorFlow Serving's REST interface: https://www.tensorflow.org/tfx/serving/api_rest."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np
import simdjson
from flask import Blueprint

from serving.codecs import classify_regress, payload, responses
from serving.codecs.base import Codec, numbered
from serving.codecs.classify_regress import takes_examples
from serving.codecs.json_types import as_dict, members, unique_keys
from serving.codecs.json_types import name as name_of
from serving.codecs.named_tensors import check_known
from serving.codecs.payload import Payload
from serving.codecs.tables import TableCodec
from serving.codecs.tensors import TensorCodec
from serving.context import RequestContext
from serving.engines.base import Arrays
from serving.errors import ServiceError
from serving.http import body
from serving.http.dispatch import Route
from serving.http.messages import Request, Response
from serving.inference import InferenceService
from serving.models import catalogue
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.routes import NAMED, loaded, may_ask
from serving.routes import service as current
from serving.signature import CLASSIFY, PREDICT, REGRESS, Signature, Tensor
from suite import answers

views = Blueprint("tfserving", __name__, url_prefix="/v1/models")

# The members of a request that are read. The protocol ignores all others.
MEMBERS = frozenset(("instances", "inputs", "signature_name", "examples", "context"))
STATES = {READY: "AVAILABLE", LOADING: "LOADING", FAILED: "END"}
# Text outputs with this ending in their name hold bytes.
BYTES = "_bytes"
DTYPES = {"float16": "DT_HALF", "float32": "DT_FLOAT", "float64": "DT_DOUBLE"}
# A name ends at a colon, so that the method after it is not part of the name.
BY_VERSION = tuple(f"/<{NAMED}:name>{rest}" for rest in ("", "/versions/<int:version>", f"/labels/<{NAMED}:label>"))


async def predict(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """Predict for `instances` (by row) or `inputs` (by column)."""
    asked = await _read(service, request, context, **wanted)
    if ("instances" in asked.members) == ("inputs" in asked.members):
        raise ServiceError(400, "the body has to have either 'instances' (rows) or 'inputs' (columns)")
    if "inputs" in asked.members:
        decode = partial(asked.codec.decode_columns, asked.members["inputs"], context.deadline)
        raw = await service.read(context, inf if asked.model.kind == "image" else asked.size, decode)
        outputs = await service.run(context, asked.model, raw, asked.size, asked.signature_name)
        return await _answer(service, context, "outputs", outputs, responses.columns)
    rows = Payload(instances=payload.instances(asked.members["instances"], service.limits.rows), text=asked.text)
    raw = await service.decode(context, asked.codec, rows, asked.size)
    outputs = await service.run(context, asked.model, raw, asked.size, asked.signature_name)
    answer = await _answer(service, context, "predictions", outputs, partial(responses.rows, count=rows.rows))
    return replace(answer, headers=responses.unused_columns(rows.unused))


async def classify(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """Classify `examples`, which are objects of features; the response pairs each label with its score."""
    asked = await _read(service, request, context, **wanted)
    _check_method(asked, CLASSIFY)
    card = asked.model.card
    if card and not card.labels:
        raise ServiceError(400, f"the model '{asked.model.name}' has no classes: use :predict or :regress")
    outputs = await _examples(service, context, asked)
    encode = partial(classify_regress.write_labels, card.labels) if card else classify_regress.write_classes
    return await _answer(service, context, "results", outputs, encode)


async def regress(service: InferenceService, request: Request, context: RequestContext, **wanted: Any) -> Response:
    """Return one number for each of `examples`, objects of features: with two labels, the second one's probability."""
    asked = await _read(service, request, context, **wanted)
    _check_method(asked, REGRESS)
    outputs = await _examples(service, context, asked)
    ((name, values),) = [*outputs.items()][:1]
    answer = answers.of(asked.model.card) if asked.model.card else None
    if answer and answer.is_number:
        values = answer.number(values)
    if not values.ndim or values.size != len(values) or values.dtype.kind != "f":
        raise ServiceError(400, f"the model '{asked.model.name}' does not answer one number a row: use :predict")
    return await _answer(service, context, "results", {name: values.ravel()}, responses.columns)


def routes(service: InferenceService) -> list[Route]:
    """Return the routes that the event loop answers."""
    paths = ("/v1/models/{name}", "/v1/models/{name}/versions/{version}", "/v1/models/{name}/labels/{label}")
    handlers = (predict, classify, regress)
    return [
        Route("POST", f"{path}:{handler.__name__}", partial(handler, service)) for path in paths for handler in handlers
    ]


def status(name: str, version: int | None = None, label: str | None = None) -> dict[str, Any]:
    """Return the state of the versions of a model."""
    repository = current().repository
    wanted = label if label is not None else version
    found = [model for model in repository.models(may_ask()) if model.name == name]
    if wanted is not None or not found:
        found = [loaded(name, wanted)]
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
    """Return all signatures of a model."""
    model = catalogue.ready(loaded(name, label if label is not None else version))
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
    """A request for one signature of a model: the `members` of its JSON, the JSON's `text` and its `size` in bytes.

    `signature_name` is empty for the default signature.
    """

    members: dict[str, Any]
    text: bytes
    size: float
    model: Model
    signature_name: str
    signature: Signature
    codec: Codec


async def _read(
    service: InferenceService,
    request: Request,
    context: RequestContext,
    name: str,
    version: str | None = None,
    label: str | None = None,
) -> ModelRequest:
    """Read a request and find its model; raise ServiceError 400, 403, 404 or 503."""
    size = body.cost(request)
    text, members = await service.read(context, size, partial(_parse, request, service.config.max_body))
    wanted = members.get("signature_name")
    if not (wanted is None or isinstance(wanted, str)):
        raise ServiceError(400, f"'signature_name' is {name_of(wanted)}: give it as text")
    model = await service.model(context, name, int(version) if version else label)
    signature_name, signature = _signature(model, wanted or "")
    codec = TensorCodec(signature, service.limits) if signature_name else model.codec
    return ModelRequest(members, text, size, model, signature_name, signature, codec)


def _parse(request: Request, max_body: int) -> tuple[bytes, dict[str, Any]]:
    """Return the JSON of a body as text, and its members."""
    text = body.utf8(request.headers.get("content-type", ""), body.content(request, max_body))
    return text, payload.parse_members(text, "instances", MEMBERS)


def _signature(model: Model, wanted: str) -> tuple[str, Signature]:
    """Return the signature with this name, or the default one if the name is empty; raise ServiceError 400."""
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
    """Raise ServiceError 400 if the signature does not support the method."""
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
    """Return whether a signature supports this method."""
    if signature.method not in (method, PREDICT) or not takes_examples(signature):
        return False
    return classify_regress.answers_classes(signature) == (method == CLASSIFY)


async def _examples(service: InferenceService, context: RequestContext, asked: ModelRequest) -> Arrays:
    """Run the model on the examples of a request, whose shared features are in `context`; return the outputs."""
    examples = payload.instances(asked.members.get("examples"), service.limits.rows, "examples")
    shared = asked.members.get("context")
    if shared is not None and not isinstance(shared, simdjson.Object):
        raise ServiceError(400, f"'context' is {name_of(shared)}: make it an object of features")
    size = asked.size
    if shared is not None:
        count = partial(classify_regress.added, shared, len(examples), len(asked.text), service.config.max_body)
        size += await service.read(context, size, count)
    if asked.model.card is None and takes_examples(asked.signature):
        raw = await service.read(context, size, partial(_serialised, examples, shared, asked, context))
    else:
        if shared is not None:
            examples = await service.read(context, size, partial(_merged, shared, examples, asked, context))
        raw = await service.decode(context, asked.codec, Payload(instances=examples), size)
    outputs = await service.run(context, asked.model, raw, size, asked.signature_name)
    for key, x in outputs.items():
        if len(examples) != (len(x) if x.ndim else 0):
            raise ServiceError(422, f"the output '{key}' has shape {x.shape}, not one row an example: use :predict")
        responses.check_finite(x)
    return outputs


def _serialised(examples: Any, shared: Any, asked: ModelRequest, context: RequestContext) -> Arrays:
    features = {} if shared is None else as_dict(shared)
    return classify_regress.encode_examples(examples, features, asked.signature, context.deadline)


def _merged(shared: Any, examples: Any, asked: ModelRequest, context: RequestContext) -> list[dict[str, Any]]:
    """Merge the context's features into each example; raise ServiceError 400 for a wrong one, even if overridden."""
    features = _features(shared, asked.signature)
    if asked.model.kind == "table":
        asked.codec.decode(Payload(instances=[features]), context.deadline)
    else:
        # Otherwise each example would get all names that the model does not have.
        check_known(features, asked.signature)
    found = []
    for index, example in numbered(examples, context.deadline):
        if not isinstance(example, simdjson.Object):
            raise ServiceError(400, f"example {index} is {name_of(example)}: make it an object of features")
        own = _features(example, asked.signature)
        if isinstance(asked.codec, TableCodec):
            # The context does not make up for an example that the model knows nothing of.
            asked.codec.pass_over(Payload(), own, f"instance {index}")
        found.append(features | own)
    return found


def _features(example: Any, signature: Signature) -> dict[str, Any]:
    """Return the values of an example by name, with None for names that the model does not have."""
    return dict.fromkeys(unique_keys(example)) | members(example, signature.inputs)


def _encoded(outputs: Arrays) -> Arrays:
    """Return the outputs, with {"b64": "..."} as values of those whose name marks them as bytes."""
    encode = np.frompyfunc(lambda item: {"b64": base64.b64encode(item).decode()}, 1, 1)
    return {
        name: np.asarray(encode(x), object) if name.endswith(BYTES) and x.dtype.kind == "O" else x
        for name, x in outputs.items()
    }


async def _answer(
    service: InferenceService, context: RequestContext, key: str, outputs: Arrays, encode: Callable[[Arrays], str]
) -> Response:
    """Return a response with the outputs under one key of a JSON object."""
    count = responses.count(outputs)
    return Response(await service.write(context, count, lambda: f'{{"{key}": {encode(_encoded(outputs))}}}\n'.encode()))


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape: dict[str, Any] = {"dim": [], "unknown_rank": tensor.shape is None}
    for length in tensor.shape or ():
        shape["dim"].append({"size": str(-1 if length is None else length), "name": ""})
    dtype = DTYPES.get(tensor.dtype, f"DT_{tensor.dtype.upper()}")
    return {"dtype": dtype, "tensor_shape": shape, "name": tensor.graph_name or f"{name}:0"}
