"""The Open Inference Protocol, version 2, with the binary extension: requests to arrays, arrays to answers.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and Triton's binary tensor data
extension: after the JSON the tensors follow, little-endian and row by row; an element of BYTES has its length in four
bytes before it.
"""

import json
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import simdjson

from serving.codecs import json_arrays as arrays
from serving.codecs import responses as answers
from serving.codecs.json_types import name, whole
from serving.codecs.payload import LONGEST, parsed
from serving.errors import ServiceError

DATATYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
    "BYTES": "string",
}  # fmt: skip
OF_DTYPE = {dtype: datatype for datatype, dtype in DATATYPES.items()}
KINDS: dict[Any, tuple[Any, str]] = {
    list: (simdjson.Array, "a list"),
    dict: (simdjson.Object, "an object"),
    str: (str, "text"),
}
# Where tensors follow, this header says how long the JSON before them is.
JSON_LENGTH = "Inference-Header-Content-Length"
LENGTH = 4
MOST_AXES = 8


@dataclass(frozen=True)
class Wanted:
    """An output that was asked for: as bytes after the JSON or in it, or as its `classes` highest."""

    name: str
    binary: bool
    classes: int = 0


@dataclass
class Asked:
    """What a request asks; `binary` is how outputs are wanted that it does not name."""

    inputs: dict[str, np.ndarray]
    id: str = ""
    binary: bool = False
    outputs: list[Wanted] = field(default_factory=list)


def read(content: bytes, json_length: str | None, max_elements: int) -> Asked:
    """What a body asks, `json_length` being its header of that kind; ServiceError 400 or 413."""
    end = len(content)
    if json_length is not None:
        is_number = json_length.isascii() and json_length.isdigit() and len(json_length) <= LONGEST
        if not is_number or int(json_length) > end:
            raise ServiceError(400, f"{JSON_LENGTH} is '{json_length[:20]}': give the length of the JSON in the body")
        end = int(json_length)
    document = parsed(content[:end] if end < len(content) else content, "inputs")
    if not isinstance(document, simdjson.Object):
        raise ServiceError(400, f"the body is {name(document)}: send an object with 'inputs'")
    tail = _Tail(memoryview(content)[end:])
    parameters = _parameters(document)
    asked = Asked(
        _inputs(_member(document, "inputs", list), tail, max_elements),
        _member(document, "id", str) or "",
        _flag(parameters, "binary_data_output", False),
    )
    if tail.left:
        raise ServiceError(400, f"{tail.left:,} bytes follow the last tensor: give each input its 'binary_data_size'")
    for item in _member(document, "outputs", list) or ():
        asked.outputs.append(_wanted(item, asked.binary))
    return asked


def write(
    model: str, version: int, asked: Asked, outputs: answers.Outputs, labels: list[str]
) -> tuple[bytes, int | None]:
    """The answer, and the length of its JSON where tensors follow it; ServiceError 400 or 422."""
    wanted = asked.outputs or [Wanted(output, asked.binary) for output in outputs]
    described: list[str] = []
    tensors: list[bytes] = []
    for one in wanted:
        if one.name not in outputs:
            raise ServiceError(400, f"the model has no output '{one.name[:50]}': there are: {', '.join(outputs)}")
        x = outputs[one.name]
        answers.check_finite(x)
        if one.classes:
            x = _highest(x, one.classes, labels)
        described.append(_output(one, x, tensors))
    head = {"model_name": model, "model_version": str(version)} | ({"id": asked.id} if asked.id else {})
    text = f'{json.dumps(head)[:-1]}, "outputs": [{", ".join(described)}]}}'.encode()
    return b"".join([text, *tensors]), len(text) if tensors else None


def asking(inputs: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    """The JSON and the tensors of a request that wants its answer as bytes too."""
    contents = {key: _to_bytes(x) for key, x in inputs.items()}
    described = [
        {
            "name": key,
            "shape": list(x.shape),
            "datatype": _datatype(x),
            "parameters": {"binary_data_size": len(contents[key])},
        }
        for key, x in inputs.items()
    ]
    head = {"inputs": described, "parameters": {"binary_data_output": True}}
    return json.dumps(head).encode(), b"".join(contents.values())


def answered(content: bytes, json_length: str | None) -> dict[str, np.ndarray]:
    """The outputs of an answer by name."""
    end = len(content) if json_length is None else int(json_length)
    tail = _Tail(memoryview(content)[end:])
    return _inputs(parsed(content[:end], "outputs")["outputs"], tail, len(content))


def _datatype(x: np.ndarray) -> str:
    return OF_DTYPE["string" if x.dtype.kind in "OSU" else x.dtype.name]


class _Tail:
    """What follows the JSON, taken piece by piece."""

    def __init__(self, content: memoryview) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def take(self, size: int, place: str) -> memoryview:
        if not 0 <= size <= self.left:
            raise ServiceError(400, f"{place}: 'binary_data_size' is {size}, and {self.left} bytes are left")
        self._at += size
        return self._content[self._at - size : self._at]


def _inputs(items: Any, tail: _Tail, max_elements: int) -> dict[str, np.ndarray]:
    if items is None:
        raise ServiceError(400, "the body has no 'inputs': add a list of tensors")
    found: dict[str, np.ndarray] = {}
    left = max_elements
    for number, item in enumerate(items):
        if not isinstance(item, simdjson.Object):
            raise ServiceError(400, f"input {number} is {name(item)}: make it an object")
        key = _member(item, "name", str)
        if not key or key in found:
            raise ServiceError(400, f"input {number}: give it a name of its own as 'name'")
        place = f"input '{key[:50]}'"
        shape, datatype = _shape(item, place), _member(item, "datatype", str)
        if datatype not in DATATYPES:
            raise ServiceError(400, f"{place}: 'datatype' is {datatype!r}: use one of {', '.join(DATATYPES)}")
        left -= prod(shape)
        if left < 0:
            raise ServiceError(413, f"the inputs have more than {max_elements:,} elements: send fewer rows")
        size = _parameters(item).get("binary_data_size")
        if size is None:
            found[key] = _from_json(_member(item, "data", list), shape, datatype, place)
            continue
        length = whole(size)
        if length is None:
            raise ServiceError(400, f"{place}: 'binary_data_size' is {name(size)}: give a whole number")
        found[key] = _from_bytes(tail.take(length, place), shape, datatype, place)
    return found


def _shape(item: Any, place: str) -> tuple[int, ...]:
    lengths = [whole(one) for one in _member(item, "shape", list) or ()]
    shape = tuple(one for one in lengths if one is not None and one >= 0)
    if not 1 <= len(lengths) <= MOST_AXES or len(shape) < len(lengths):
        raise ServiceError(400, f"{place}: 'shape' is no list of one to {MOST_AXES} lengths, the rows first")
    return shape


def _from_json(data: Any, shape: tuple[int, ...], datatype: str, place: str) -> np.ndarray:
    if data is None:
        raise ServiceError(400, f"{place} has neither 'data' nor a 'binary_data_size': give one")
    count, dtype = prod(shape), DATATYPES[datatype]
    found = arrays.found_shape(data)
    as_is = shape if found == shape else (count,)
    if dtype in ("string", "bool"):
        return arrays.read_objects(data, as_is, dtype, place).reshape(shape)
    return arrays.read_one(data, as_is, dtype, place).reshape(shape)


def _from_bytes(content: memoryview, shape: tuple[int, ...], datatype: str, place: str) -> np.ndarray:
    if datatype == "BYTES":
        return _elements(content, prod(shape), place).reshape(shape)
    dtype = np.dtype(DATATYPES[datatype]).newbyteorder("<")
    expected = prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ServiceError(400, f"{place}: {datatype} of shape {shape} is {expected} bytes, found {len(content)}")
    return np.frombuffer(content, dtype).reshape(shape)


def _elements(content: memoryview, count: int, place: str) -> np.ndarray:
    found = np.empty(count, object)
    at = 0
    for number in range(count):
        size = int.from_bytes(content[at : at + LENGTH], "little")
        at += LENGTH + size
        if at > len(content):
            raise ServiceError(400, f"{place}: its bytes end within element {number} of {count}")
        found[number] = bytes(content[at - size : at])
    if at != len(content):
        raise ServiceError(400, f"{place}: {len(content) - at} bytes follow the last of its {count} elements")
    return found


def _wanted(item: Any, binary: bool) -> Wanted:
    if not isinstance(item, simdjson.Object) or not _member(item, "name", str):
        raise ServiceError(400, "an output that is wanted has no 'name': give one")
    parameters = _parameters(item)
    classes = whole(parameters.get("classification", 0))
    if classes is None or classes < 0:
        raise ServiceError(400, "'classification' is how many of the highest are wanted: give a whole number")
    return Wanted(str(item["name"]), _flag(parameters, "binary_data", binary), classes)


def _flag(parameters: Any, key: str, default: bool) -> bool:
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        raise ServiceError(400, f"'{key}' is {name(value)}: give true or false")
    return value


def _highest(x: np.ndarray, count: int, labels: list[str]) -> np.ndarray:
    """Texts "score:index:label" (N, count), the highest first, as Triton's classification extension has them."""
    if x.ndim != 2 or x.dtype.kind != "f":
        raise ServiceError(400, f"'classification' is for one list of scores a row, and this has shape {x.shape}")
    order = np.argsort(-x, axis=1, kind="stable")[:, :count]
    named = labels if len(labels) == x.shape[1] else []
    rows = [
        [f"{x[row, index]:.7g}:{index}{':' + named[index] if named else ''}".encode() for index in indices]
        for row, indices in enumerate(order)
    ]
    return np.array(rows, object)


def _output(wanted: Wanted, x: np.ndarray, tensors: list[bytes]) -> str:
    """The output's JSON; its bytes are added to `tensors` where it is wanted so."""
    head: dict[str, Any] = {"name": wanted.name, "shape": list(x.shape), "datatype": _datatype(x)}
    if not wanted.binary:
        return f'{json.dumps(head)[:-1]}, "data": {answers.flat(x)}}}'
    content = _to_bytes(x)
    tensors.append(content)
    return json.dumps(head | {"parameters": {"binary_data_size": len(content)}})


def _to_bytes(x: np.ndarray) -> bytes:
    if x.dtype.kind not in "OSU":
        return np.ascontiguousarray(x, x.dtype.newbyteorder("<")).tobytes()
    items = [item if isinstance(item, bytes) else str(item).encode() for item in x.ravel().tolist()]
    return b"".join(len(item).to_bytes(LENGTH, "little") + item for item in items)


def _member(item: Any, key: str, kind: type) -> Any:
    """The value of a key, None where it is absent or null; ServiceError where it is of another kind."""
    value = item.get(key)
    wanted, words = KINDS[kind]
    if value is None or isinstance(value, wanted):
        return value
    raise ServiceError(400, f"'{key}' is {name(value)}: make it {words}")


def _parameters(item: Any) -> Any:
    return _member(item, "parameters", dict) or {}
