"""Operations of the Open Inference Protocol for one model."""

from math import prod
from typing import Any

import numpy as np

from serving.codecs.open_inference import JSON_LENGTH, MAX_OUTPUTS, OF_DTYPE
from serving.openapi import examples
from serving.openapi.instances import PICTURE, element, nested, row_shape
from serving.openapi.operations import BASE_ERRORS, JSON, Paths, Schema, Shown, fields, get, post, sent
from serving.signature import Shape, Tensor

BYTES = "application/octet-stream"
ERRORS = (*BASE_ERRORS, 404)
ABOUT = f"""`data` is nested as `shape` says or flat; all inputs have as many rows. Tensors may also follow the JSON as
bytes: then the header `{JSON_LENGTH}` says how long the JSON is, and `parameters` of each input its
`binary_data_size`."""
TENSOR = fields({
    "name": {"type": "string"},
    "datatype": {"type": "string"},
    "shape": {"type": "array", "items": {"type": "integer"}},
})  # fmt: skip
METADATA = fields({
    "name": {"type": "string"},
    "versions": {"type": "array", "items": {"type": "string"}},
    "platform": {"type": "string"},
    "inputs": {"type": "array", "items": TENSOR},
    "outputs": {"type": "array", "items": TENSOR},
})  # fmt: skip
CONFIG = fields({
    "name": {"type": "string"},
    "platform": {"type": "string"},
    "backend": {"type": "string"},
    "max_batch_size": {"type": "integer", "description": "rows of one request; 0 where not all tensors have rows"},
    "input": {"type": "array", "items": {"type": "object"}},
    "output": {"type": "array", "items": {"type": "object"}},
}, others=True)  # fmt: skip
STATISTICS = fields({"model_stats": {"type": "array", "items": {"type": "object"}}})
READY = fields({"name": {"type": "string"}, "ready": {"const": True}})


def paths(shown: Shown) -> Paths:
    """Return the paths of a model."""
    path, tag = shown.path("v2"), shown.model.name
    return {
        path: get(shown.part("metadata"), tag, "The tensors it takes and gives", METADATA, ERRORS),
        f"{path}/config": get(shown.part("config"), tag, "Its tensors and batches, as Triton has them", CONFIG, ERRORS),
        **({f"{path}/stats": _statistics(shown)} if shown.is_default else {}),
        f"{path}/ready": get(shown.part("ready"), tag, "Whether it can be asked", READY, ERRORS),
        f"{path}/infer": _infer(shown),
    }


def _statistics(shown: Shown) -> dict[str, Any]:
    words = "What was asked of all its versions, as Triton has it"
    return get(shown.part("stats"), shown.model.name, words, STATISTICS, ERRORS)


def _infer(shown: Shown) -> dict[str, Any]:
    inputs = [_input(shown, name, tensor) for name, tensor in shown.model.signature.inputs.items()]
    least = 1 if shown.model.kind == "table" else len(inputs)
    properties = {
        "id": {"type": ["string", "null"]},
        "inputs": {"type": "array", "prefixItems": inputs, "items": False, "minItems": least},
        "outputs": {
            "type": ["array", "null"],
            "items": _wanted(shown),
            "description": "each output at most once",
            "maxItems": min(MAX_OUTPUTS, len(shown.model.signature.outputs)),
        },
        "parameters": _parameters({"binary_data_output": {"type": "boolean"}}),
    }
    schema = fields(properties, ["id", "outputs", "parameters"], others=True)
    answer = {JSON: {"schema": _answer(shown)}, BYTES: {}}
    return post(
        shown.part("infer"), shown.model.name, "Tensors in, tensors out",
        sent(schema, **_example(shown)), answer, description=ABOUT,
    )  # fmt: skip


def _input(shown: Shown, name: str, tensor: Tensor) -> Schema:
    if shown.model.kind == "image":
        return {"oneOf": [_tensor(shown, name, tensor), _files(shown, name)]}
    return _tensor(shown, name, tensor)


def _tensor(shown: Shown, name: str, tensor: Tensor) -> Schema:
    shape, item = row_shape(tensor), _element(shown, name, tensor)
    if shape is None:
        lengths = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
        return _described(name, tensor.dtype, lengths, {"type": "array"})
    flat = {"type": "array", "items": item, "minItems": prod(one or 0 for one in shape)}
    data = {"anyOf": [shown.rows(nested(shape, item)), flat]} if shape else shown.rows(item)
    return _described(name, tensor.dtype, _shape(shown, shape), data)


def _element(shown: Shown, name: str, tensor: Tensor) -> Schema:
    card = shown.model.card
    if card and {spec.name: spec.kind for spec in card.inputs}[name] == "boolean":
        return {"enum": [0, 1]}
    return {"type": "string"} if card and tensor.dtype == "string" else element(tensor.dtype)


def _files(shown: Shown, name: str) -> Schema:
    return _described(name, "string", _shape(shown, ()), shown.rows({"anyOf": [PICTURE, fields({"b64": PICTURE})]}))


def _described(name: str, dtype: str, shape: Schema, data: Schema) -> Schema:
    properties = {"name": {"const": name}, "datatype": {"const": OF_DTYPE[dtype]}, "shape": shape, "data": data}
    return fields(properties, others=True)


def _shape(shown: Shown, row: Shape) -> Schema:
    rows = {"type": "integer", "minimum": 1, "maximum": shown.max_rows}
    lengths = [{"type": "integer", "minimum": 0} if one is None else {"const": one} for one in row]
    rank = 1 + len(row)
    return {"type": "array", "prefixItems": [rows, *lengths], "minItems": rank, "maxItems": rank}


def _wanted(shown: Shown) -> Schema:
    """Return the schema of a requested output."""
    known: dict[str, Schema] = {"binary_data": {"type": "boolean"}}
    if shown.model.card and shown.model.card.labels:
        known["classification"] = {"type": "integer", "minimum": 0, "description": "how many of the highest"}
    names = {"enum": list(shown.model.signature.outputs)}
    return fields({"name": names, "parameters": _parameters(known)}, ["parameters"], others=True)


def _parameters(known: dict[str, Schema]) -> Schema:
    return fields(known, optional=known, others=True) | {"type": ["object", "null"]}


def _answer(shown: Shown) -> Schema:
    tensor = {
        "name": {"enum": list(shown.model.signature.outputs)},
        "datatype": {"enum": [*OF_DTYPE.values()]},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "data": {"type": "array"},
        "parameters": {"type": "object"},
    }
    return fields({
        "model_name": {"const": shown.model.name},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": fields(tensor, ["data", "parameters"])},
    }, ["id"])  # fmt: skip


def _example(shown: Shown) -> dict[str, Any]:
    """Return an example request of one row, with flat data."""
    found = examples.named(shown.model)
    if found is None:
        return {}
    if shown.model.kind == "image":
        ((name, file),) = found.items()
        return {"one": {"inputs": [{"name": name, "datatype": "BYTES", "shape": [1], "data": [{"b64": file}]}]}}
    inputs = shown.model.signature.inputs
    return {"one": {"inputs": [_one(name, inputs[name], value) for name, value in found.items()]}}


def _one(name: str, tensor: Tensor, value: Any) -> dict[str, Any]:
    shape = [1, *np.shape(value)]
    data = [examples.in_tensor(one, tensor.dtype) for one in np.array(value, object).ravel()]
    return {"name": name, "datatype": OF_DTYPE[tensor.dtype], "shape": shape, "data": data}
