"""JSON schemas of one instance and one output row of a model, from its card or else its signature."""

from typing import Any

import numpy as np

from serving.models.loader import Model
from serving.openapi.operations import Schema, fields
from serving.signature import Shape, Tensor
from suite.artifact import TensorSpec
from suite.preprocessing.mirror.values import LARGEST

ENCODED = {"type": "string", "contentEncoding": "base64"}
BYTES = ENCODED | {"format": "byte"}
TEXT = ENCODED | {"format": "base64-text", "description": "text in UTF-8"}
PICTURE = ENCODED | {"format": "base64-picture", "description": "a PNG, JPEG, GIF, BMP or WebP file, of any size"}


def instance(model: Model) -> Schema:
    """Return the schema of one instance."""
    if model.card is None:
        return _by_signature(model.signature.inputs)
    if model.kind == "table":
        return row(model.card.inputs, model.card.ignored)
    return picture(model.card.inputs[0].shape) if model.kind == "image" else text()


def output(model: Model) -> Schema:
    """Return the schema of one row of the outputs: the value, or an object by name if there are several."""
    outputs = {name: nested(row_shape(x), written(x.dtype)) for name, x in model.signature.outputs.items()}
    return next(iter(outputs.values())) if len(outputs) == 1 else fields(outputs)


def picture(shape: tuple[int, ...]) -> Schema:
    """Return the schema of a picture: nested numbers, or a file in base64."""
    pixel = {"type": "integer", "minimum": 0, "maximum": 255}
    grey = [nested(shape[:2], pixel)] if shape[2] == 1 else []
    forms = [nested(shape, pixel), *grey, PICTURE, fields({"b64": PICTURE})]
    return {"anyOf": [*forms, fields({"image": {"anyOf": forms}})]}


def text() -> Schema:
    """Return the schema of a text, either plain or in an object."""
    return {"anyOf": [{"type": "string"}, fields({"text": {"type": "string"}}), fields({"b64": TEXT})]}


def row(specs: list[TensorSpec], ignored: list[str]) -> Schema:
    """Return the schema of a table's row: an object by column name; every column is optional.

    Other columns are passed over, but a row may not consist of them.
    """
    columns = {spec.name: cell(spec) for spec in specs} | {name: {"description": "is not used"} for name in ignored}
    known: list[Schema] = [{"required": [name]} for name in columns]
    return fields(columns, optional=columns, others=True) | {"anyOf": [{"maxProperties": 0}, *known]}


def cell(spec: TensorSpec) -> Schema:
    """Return the schema of one value of a column; null if it is missing."""
    if spec.kind == "boolean":
        return {"enum": [True, False, 0, 1, None]}
    if spec.kind == "categorical":
        return {"type": ["string", "integer", "null"]}
    if spec.kind == "text":
        return {"type": ["string", "null"]}
    written: list[Schema] = [{"type": "string", "description": f"as in {spec.format}"}] if spec.format else []
    if spec.kind == "numeric":
        number = {"type": ["number", "null"], "minimum": -LARGEST, "maximum": LARGEST}
        return {"anyOf": [number, *written]} if written else number
    dates: list[Schema] = [{"type": "string", "format": one} for one in ("date-time", "date")]
    seconds = {"type": "number", "description": "seconds or milliseconds since 1970"}
    return {"anyOf": [*written, *dates, seconds, {"type": "null"}]}


def nested(shape: Shape | None, item: Schema) -> Schema:
    """Return the schema of nested lists; a length of None is any length, a shape of None any nesting."""
    if shape is None:
        return {}
    for length in reversed(shape):
        lengths = {} if length is None else {"minItems": length, "maxItems": length}
        item = {"type": "array", "items": item} | lengths
    return item


def element(dtype: str) -> Schema:
    """Return the schema of one element of an input."""
    if dtype == "string":
        return {"anyOf": [{"type": "string"}, fields({"b64": BYTES})]}
    if dtype == "bool":
        return {"type": "boolean"}
    limits: Any = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    kind, number = ("integer", int) if np.dtype(dtype).kind in "iu" else ("number", float)
    return {"type": kind, "minimum": number(limits.min), "maximum": number(limits.max)}


def written(dtype: str) -> Schema:
    """Return the schema of one element of an output."""
    if dtype in ("string", "bool"):
        return element(dtype)
    if dtype.startswith("float"):
        return {"type": "number"}
    return {"type": "integer"} if dtype.startswith(("int", "uint")) else {}


def row_shape(tensor: Tensor) -> Shape | None:
    """Return the shape without the batch axis."""
    return None if tensor.shape is None else tensor.shape[1:]


def _by_signature(inputs: dict[str, Tensor]) -> Schema:
    values = {name: nested(row_shape(tensor), element(tensor.dtype)) for name, tensor in inputs.items()}
    return {"anyOf": [*values.values(), fields(values)]} if len(values) == 1 else fields(values)
