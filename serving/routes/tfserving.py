"""TensorFlow Serving's REST interface: https://www.tensorflow.org/tfx/serving/api_rest."""

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import simdjson
from flask import Blueprint

from serving import context as arrival
from serving.codecs import payload
from serving.codecs import responses as answers
from serving.codecs.json_types import members, unique_keys
from serving.codecs.json_types import name as name_of
from serving.codecs.payload import Payload
from serving.errors import ServiceError
from serving.http import body
from serving.http import content_encoding as content
from serving.http.dispatch import Reply, View
from serving.inference import Core
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.routes import NAMED, service
from serving.scheduling import deadline as patience
from serving.scheduling.operations import Call
from serving.signature import Tensor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

routes = Blueprint("tfserving", __name__, url_prefix="/v1/models")

SIGNATURE = "serving_default"
# What is read of a request; the protocol passes over anything else.
MEMBERS = frozenset(("instances", "inputs", "signature_name", "examples", "context"))
STATES = {READY: "AVAILABLE", LOADING: "LOADING", FAILED: "END"}
DTYPES = {"float16": "DT_HALF", "float32": "DT_FLOAT", "float64": "DT_DOUBLE"}
# Names end where a method begins, or every method of a model would look like a model of its own.
BY_VERSION = tuple(f"/<{NAMED}:name>{rest}" for rest in ("", "/versions/<int:version>", f"/labels/<{NAMED}:label>"))


async def predict(core: Core, environ: "WSGIEnvironment", **wanted: Any) -> Reply:
    """`instances`, row by row, or `inputs`, column by column."""
    document, text, model = await _read(core, environ, **wanted)
    if ("instances" in document) == ("inputs" in document):
        raise ServiceError(400, "the body has to have either 'instances' (rows) or 'inputs' (columns)")
    waits = patience.of_request(environ)
    if "inputs" in document:
        decode = partial(model.codec.decode_columns, document["inputs"], waits)
        raw = await Call(decode) if model.kind == "image" else decode()
        return _json(f'{{"outputs": {answers.columns(await core.run(model, raw, waits))}}}')
    asked = Payload(instances=payload.instances(document["instances"], core.limits.rows), text=text)
    outputs = await core.run(model, await core.decode(model, asked, waits), waits)
    return _json(f'{{"predictions": {answers.rows(outputs, asked.rows)}}}')


async def classify(core: Core, environ: "WSGIEnvironment", **wanted: Any) -> Reply:
    """`examples`, objects of features; the answer pairs each label with its score."""
    model, outputs = await _examples(core, environ, **wanted)
    if not model.card:
        raise ServiceError(400, f"the model '{model.name}' has no labels: use :predict")
    labels = [json.dumps(one, ensure_ascii=False) for one in model.card.labels]
    rows = ",".join(
        "[" + ",".join(f"[{label},{score}]" for label, score in zip(labels, row, strict=True)) + "]"
        for row in map(answers.numbers, next(iter(outputs.values())))
    )
    return _json(f'{{"results": [{rows}]}}')


async def regress(core: Core, environ: "WSGIEnvironment", **wanted: Any) -> Reply:
    """`examples`, objects of features; the answer is a number each: of two labels, how likely the second is."""
    model, outputs = await _examples(core, environ, **wanted)
    values = next(iter(outputs.values()))
    if values.ndim == 2 and values.shape[1] == 2 and model.card:
        values = values[:, 1]
    if values.size != len(values) or values.dtype.kind != "f":
        raise ServiceError(400, f"the model '{model.name}' does not answer one number a row: use :predict")
    return _json(f'{{"results": {answers.flat(values)}}}')


ASKED = "/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?"
VIEWS: list[tuple[str, View]] = [(f"{ASKED}:{view.__name__}", view) for view in (predict, classify, regress)]


def status(name: str, version: int | None = None, label: str | None = None) -> dict[str, Any]:
    """The versions that are served."""
    repository = service().repository
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
    model = service().repository.get(name, label if label is not None else version)
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
    routes.add_url_rule(rule, view_func=status)
    routes.add_url_rule(f"{rule}/metadata", view_func=metadata)


async def _read(
    core: Core, environ: "WSGIEnvironment", name: str, version: str | None, label: str | None
) -> tuple[Any, bytes, Model]:
    """The body's JSON object and its text, and the model that is asked."""
    whole = content.read(environ, core.config.max_body)
    text = body.utf8(environ.get("CONTENT_TYPE", ""), whole)
    document = payload.parse_members(text, "instances", MEMBERS)
    signature = document.get("signature_name")
    if signature not in (None, "", SIGNATURE):
        raise ServiceError(400, f"there is no signature '{str(signature)[:50]}': leave 'signature_name' out")
    model = await core.model(arrival.of(environ), name, int(version) if version else label)
    return document, text, model


async def _examples(core: Core, environ: "WSGIEnvironment", **wanted: Any) -> tuple[Model, dict[str, np.ndarray]]:
    """The outputs for the examples of a request; features in `context` are in all of them."""
    document, _, model = await _read(core, environ, **wanted)
    examples = payload.instances(document.get("examples"), core.limits.rows, "examples")
    context = document.get("context")
    if context is not None:
        await _check_context(core, context, model)
        examples = [_merged(context, example, index, model) for index, example in enumerate(examples)]
    asked = Payload(instances=examples)
    waits = patience.of_request(environ)
    outputs = await core.run(model, await core.decode(model, asked, waits), waits)
    for x in outputs.values():
        answers.check_finite(x)
    return model, outputs


def _merged(context: Any, example: Any, index: int, model: Model) -> dict[str, Any]:
    if not isinstance(example, simdjson.Object):
        raise ServiceError(400, f"example {index} is {name_of(example)}: make it an object of features")
    return _features(context, model) | _features(example, model)


def _features(example: Any, model: Model) -> dict[str, Any]:
    """An example's values by name, None in the place of those that the model does not have."""
    return dict.fromkeys(unique_keys(example)) | members(example, model.signature.inputs)


async def _check_context(core: Core, context: Any, model: Model) -> None:
    """ServiceError 400 for a wrong feature, which no example would show that has its own."""
    if not isinstance(context, simdjson.Object):
        raise ServiceError(400, f"'context' is {name_of(context)}: make it an object of features")
    if model.kind == "table":
        await core.decode(model, Payload(instances=[_features(context, model)]))


def _json(text: str) -> Reply:
    return Reply(text.encode() + b"\n")


def _describe(name: str, tensor: Tensor) -> dict[str, Any]:
    shape: dict[str, Any] = {"dim": [], "unknown_rank": tensor.shape is None}
    for length in tensor.shape or ():
        shape["dim"].append({"size": str(-1 if length is None else length), "name": ""})
    return {"dtype": DTYPES.get(tensor.dtype, f"DT_{tensor.dtype.upper()}"), "tensor_shape": shape, "name": f"{name}:0"}
