"""Reads and writes requests and responses of the Open Inference Protocol, version 2, with its binary extension.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and Triton's binary tensor data
extension, in which tensors follow the JSON in little-endian, row-major order; each element of BYTES is preceded by its
length in four bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import simdjson

from serving.codecs import json_arrays as arrays
from serving.codecs import responses
from serving.codecs.base import Limits, numbered
from serving.codecs.json_types import as_integer, members, name
from serving.codecs.payload import MAX_DIGITS, parse_members
from serving.deadline import NO_DEADLINE, Deadline
from serving.errors import ServiceError
from suite.errors import listed, shortened

DATATYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
    "BYTES": "string",
}  # fmt: skip
OF_DTYPE = {dtype: datatype for datatype, dtype in DATATYPES.items()}
# By dtype instead of by its name, because NumPy's `dtype.name` is slow.
OF_NUMPY = {np.dtype(dtype): datatype for dtype, datatype in OF_DTYPE.items() if dtype != "string"}
LITTLE_ENDIAN = {datatype: dtype.newbyteorder("<") for dtype, datatype in OF_NUMPY.items()}
WORDS = {simdjson.Array: "a list", simdjson.Object: "an object", str: "text"}
# The keys that are read of a request, of a tensor, of a requested output, and of the parameters of each.
REQUEST = frozenset(("id", "parameters", "inputs", "outputs"))
TENSOR = frozenset(("name", "shape", "datatype", "parameters", "data"))
OUTPUT = frozenset(("name", "parameters"))
PARAMETERS = frozenset(("binary_data_size", "binary_data", "binary_data_output", "classification"))
# If tensors follow the JSON, this header has the length of the JSON.
JSON_LENGTH = "Inference-Header-Content-Length"
# Bytes of the length before each element of BYTES.
PREFIX = 4
MAX_AXES, MAX_OUTPUTS = 8, 32
# Sorting a score and writing it as a class takes about as long as writing this many numbers.
CLASS_COST = 4


@dataclass(frozen=True)
class RequestedOutput:
    """A requested output: in `binary` after the JSON or within it; if `classes` is not 0, as that many top classes."""

    name: str
    binary: bool
    classes: int = 0


@dataclass
class InferRequest:
    """A parsed request. `binary` applies to outputs that are not named in it."""

    inputs: dict[str, np.ndarray]
    id: str = ""
    binary: bool = False
    outputs: list[RequestedOutput] = field(default_factory=list)


def split(content: bytes, json_length: str | None) -> tuple[bytes, memoryview]:
    """Split a body into its JSON and the tensors after it, by the header JSON_LENGTH; raise ServiceError 400."""
    if json_length is None:
        return content, memoryview(b"")
    is_number = json_length.isascii() and json_length.isdigit() and len(json_length) <= MAX_DIGITS
    if not is_number or int(json_length) > len(content):
        raise ServiceError(400, f"{JSON_LENGTH} is '{shortened(json_length)}': give the length of the JSON in the body")
    return content[: int(json_length)], memoryview(content)[int(json_length) :]


def decode_request(text: bytes, tail: memoryview, limits: Limits, deadline: Deadline) -> InferRequest:
    """Decode a request from its JSON and the tensors after it; raise ServiceError 400 or 413."""
    found = parse_members(text, "inputs", REQUEST)
    binary = _flag(_parameters(found), "binary_data_output", False)
    tensors = _Tail(tail)
    inputs = _tensors(_member(found, "inputs", simdjson.Array), tensors, limits, deadline)
    if tensors.left:
        raise ServiceError(400, f"{len(tensors.left):,} bytes follow the last tensor: give each a 'binary_data_size'")
    outputs = _member(found, "outputs", simdjson.Array) or ()
    if len(outputs) > MAX_OUTPUTS:
        raise ServiceError(400, f"{len(outputs):,} outputs are wanted: name at most {MAX_OUTPUTS}")
    requested: dict[str, RequestedOutput] = {}
    for item in outputs:
        output = _requested(item, binary)
        if output.name in requested:
            raise ServiceError(400, f"the output '{shortened(output.name)}' is wanted twice: name each once")
        requested[output.name] = output
    return InferRequest(inputs, _member(found, "id", str) or "", binary, list(requested.values()))


def count(request: InferRequest, outputs: responses.Outputs) -> int:
    """Return about as many elements as take the time of writing the response."""
    as_classes = sum(outputs[one.name].size for one in request.outputs if one.classes and one.name in outputs)
    return responses.count(outputs) + as_classes * (CLASS_COST - 1)


def encode_response(
    model: str, version: int, request: InferRequest, outputs: responses.Outputs, labels: list[str]
) -> tuple[bytes, int | None]:
    """Return the response body, and the length of its JSON if tensors follow it; raise ServiceError 400 or 422."""
    wanted = request.outputs or [RequestedOutput(output, request.binary) for output in outputs]
    described: list[str] = []
    tensors: list[bytes] = []
    for one in wanted:
        if one.name not in outputs:
            known = listed(list(outputs))
            raise ServiceError(400, f"the model has no output '{shortened(one.name)}': there are: {known}")
        x = outputs[one.name]
        responses.check_finite(x)
        if one.classes:
            x = responses.highest(x, one.classes, labels)
        described.append(_described(one.name, x, tensors if one.binary else None))
    head = f'{{"model_name": {_quoted(model)}, "model_version": "{version}"'
    head += f', "id": {json.dumps(request.id)}' if request.id else ""
    text = f'{head}, "outputs": [{", ".join(described)}]}}'.encode()
    return b"".join([text, *tensors]), len(text) if tensors else None


def encode_request(inputs: Mapping[str, np.ndarray]) -> tuple[bytes, bytes]:
    """Return the JSON and the tensors of a request that asks for a binary response."""
    tensors: list[bytes] = []
    described = [_described(key, x, tensors) for key, x in inputs.items()]
    text = f'{{"inputs": [{", ".join(described)}], "parameters": {{"binary_data_output": true}}}}'
    return text.encode(), b"".join(tensors)


def decode_response(content: bytes, json_length: str | None) -> dict[str, np.ndarray]:
    """Return the outputs in a response by name."""
    text, tail = split(content, json_length)
    found = parse_members(text, "outputs", REQUEST)
    return _tensors(found["outputs"], _Tail(tail), Limits(len(content), len(content)), NO_DEADLINE)


def _datatype(x: np.ndarray) -> str:
    return OF_NUMPY.get(x.dtype) or OF_DTYPE["string" if x.dtype.kind in "OSU" else x.dtype.name]


class _Tail:
    """The bytes after the JSON, consumed tensor by tensor."""

    def __init__(self, content: memoryview) -> None:
        self.left = content

    def take(self, size: int, place: str) -> memoryview:
        if not 0 <= size <= len(self.left):
            said = f"'binary_data_size' is {shortened(str(size))}, and {len(self.left)} bytes are left"
            raise ServiceError(400, f"{place}: {said}")
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def _tensors(items: Any, tail: _Tail, limits: Limits, deadline: Deadline) -> dict[str, np.ndarray]:
    if items is None:
        raise ServiceError(400, "the body has no 'inputs': add a list of tensors")
    found: dict[str, np.ndarray] = {}
    left = limits.elements
    for number, item in numbered(items, deadline):
        if not isinstance(item, simdjson.Object):
            raise ServiceError(400, f"input {number} is {name(item)}: make it an object")
        tensor = members(item, TENSOR)
        key = _member(tensor, "name", str)
        if not key or key in found:
            raise ServiceError(400, f"input {number}: give it a name of its own as 'name'")
        place = f"input '{shortened(key)}'"
        shape, datatype = _shape(tensor, place), _member(tensor, "datatype", str)
        if datatype not in DATATYPES:
            raise ServiceError(
                400, f"{place}: 'datatype' is {shortened(datatype or 'missing')}: use one of {', '.join(DATATYPES)}"
            )
        left -= prod(shape) if all(shape) else prod(max(1, length) for length in shape)
        if left < 0:
            raise ServiceError(413, f"the inputs have more than {limits.elements:,} elements: send fewer rows")
        limits.check_rows(shape[0])
        found[key] = _tensor(tensor, tail, shape, datatype, place, deadline)
    return found


def _tensor(
    tensor: dict[str, Any], tail: _Tail, shape: tuple[int, ...], datatype: str, place: str, deadline: Deadline
) -> np.ndarray:
    data, size = _member(tensor, "data", simdjson.Array), _parameters(tensor).get("binary_data_size")
    if size is None and data is None:
        raise ServiceError(400, f"{place} has neither 'data' nor a 'binary_data_size': give one")
    if size is None:
        return _from_json(data, shape, datatype, place, deadline)
    length = as_integer(size)
    if length is None:
        raise ServiceError(400, f"{place}: 'binary_data_size' is {name(size)}: give a whole number")
    content = tail.take(length, place)
    if data is not None:
        raise ServiceError(400, f"{place} has 'data' and a 'binary_data_size': give one")
    return _from_bytes(content, shape, datatype, place, deadline)


def _shape(tensor: dict[str, Any], place: str) -> tuple[int, ...]:
    given = _member(tensor, "shape", simdjson.Array) or ()
    if 1 <= len(given) <= MAX_AXES:
        shape = tuple(given)
        if set(map(type, shape)) != {int}:
            shape = tuple(as_integer(length) for length in shape)
        if None not in shape and min(shape) >= 0:
            return shape
    raise ServiceError(400, f"{place}: 'shape' is no list of one to {MAX_AXES} lengths, the rows first")


def _from_json(data: Any, shape: tuple[int, ...], datatype: str, place: str, deadline: Deadline) -> np.ndarray:
    dtype = DATATYPES[datatype]
    as_is = shape if arrays.found_shape(data) == shape else (prod(shape),)
    read = arrays.read_objects if dtype in ("string", "bool") else arrays.read_one
    return read(data, as_is, dtype, place, deadline).reshape(shape)


def _from_bytes(
    content: memoryview, shape: tuple[int, ...], datatype: str, place: str, deadline: Deadline
) -> np.ndarray:
    if datatype == "BYTES":
        return _elements(content, prod(shape), place, deadline).reshape(shape)
    dtype = LITTLE_ENDIAN[datatype]
    expected = prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ServiceError(400, f"{place}: {datatype} of shape {shape} is {expected} bytes, found {len(content)}")
    return np.frombuffer(content, dtype).reshape(shape) if expected else np.empty(shape, dtype)


def _elements(content: memoryview, count: int, place: str, deadline: Deadline) -> np.ndarray:
    if count * PREFIX > len(content):
        raise ServiceError(400, f"{place}: {count:,} elements take {PREFIX} bytes each or more, found {len(content):,}")
    found = np.empty(count, object)
    at = 0
    for _, number in numbered(range(count), deadline):
        size = int.from_bytes(content[at : at + PREFIX], "little")
        at += PREFIX + size
        if at > len(content):
            raise ServiceError(400, f"{place}: its bytes end within element {number} of {count}")
        found[number] = bytes(content[at - size : at])
    if at != len(content):
        raise ServiceError(400, f"{place}: {len(content) - at} bytes follow the last of its {count} elements")
    return found


def _requested(item: Any, binary: bool) -> RequestedOutput:
    output = members(item, OUTPUT) if isinstance(item, simdjson.Object) else {}
    key = _member(output, "name", str)
    if not key:
        raise ServiceError(400, "an output that is wanted has no 'name': give one")
    parameters = _parameters(output)
    classes = as_integer(parameters.get("classification", 0))
    if classes is None or classes < 0:
        raise ServiceError(400, "'classification' is how many of the highest are wanted: give a whole number")
    return RequestedOutput(key, _flag(parameters, "binary_data", binary), classes)


def _flag(parameters: dict[str, Any], key: str, default: bool) -> bool:
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        raise ServiceError(400, f"'{key}' is {name(value)}: give true or false")
    return value


_quoted = lru_cache(256)(json.dumps)


def _described(key: str, x: np.ndarray, tensors: list[bytes] | None) -> str:
    """Return the JSON of a tensor; its data is appended to `tensors`, or is in the JSON if that is None."""
    shape = ", ".join(map(str, x.shape))
    head = f'{{"name": {_quoted(key)}, "shape": [{shape}], "datatype": "{_datatype(x)}"'
    if tensors is None:
        return f'{head}, "data": {responses.flat(x)}}}'
    content = _to_bytes(x)
    tensors.append(content)
    return f'{head}, "parameters": {{"binary_data_size": {len(content)}}}}}'


def _to_bytes(x: np.ndarray) -> bytes:
    if x.dtype.kind not in "OSU":
        return np.ascontiguousarray(x, x.dtype.newbyteorder("<")).tobytes()
    items = [item if isinstance(item, bytes) else str(item).encode() for item in x.ravel().tolist()]
    return b"".join(len(item).to_bytes(PREFIX, "little") + item for item in items)


def _member(found: dict[str, Any], key: str, kind: Any) -> Any:
    """Return the value of a key, None if it is absent or null; raise ServiceError 400 if it is of another type."""
    value = found.get(key)
    if value is None or isinstance(value, kind):
        return value
    raise ServiceError(400, f"'{key}' is {name(value)}: make it {WORDS[kind]}")


def _parameters(found: dict[str, Any]) -> dict[str, Any]:
    value = _member(found, "parameters", simdjson.Object)
    return {} if value is None else members(value, PARAMETERS)
