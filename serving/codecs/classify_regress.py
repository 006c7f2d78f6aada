"""Inputs and responses of TensorFlow Serving's `:classify` and `:regress`.

JSON examples become serialised `tf.train.Example` messages: whole numbers, true and false become int64, other numbers
float, text and {"b64": ...} bytes. A feature is one value or a list of values of one kind. Models that take such
examples run on TensorFlow, so its classes can be imported. The response to `:classify` pairs classes with scores.
"""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import simdjson

from serving.codecs.base import numbered
from serving.codecs.json_arrays import from_base64
from serving.codecs.json_types import as_dict, name
from serving.codecs.responses import numbers
from serving.deadline import Deadline
from serving.errors import ServiceError
from serving.signature import CLASSIFY, REGRESS, Signature

# Names of the input in signatures that TensorFlow's own builders, or people's functions, create for examples.
INPUTS = ("inputs", "examples", "serialized_examples", "input_example_tensor")
LARGEST_FLOAT = float(np.finfo(np.float32).max)
KINDS = {"int64": "whole numbers", "float": "numbers with a point", "bytes": "text"}
# The outputs of a classification signature, which has one of them or both.
CLASSES, SCORES = "classes", "scores"


def takes_examples(signature: Signature) -> bool:
    """Return whether the only input of a signature is serialised examples."""
    if len(signature.inputs) != 1:
        return False
    ((key, tensor),) = signature.inputs.items()
    return tensor.dtype == "string" and (signature.method in (CLASSIFY, REGRESS) or key in INPUTS)


def added(context: simdjson.Object, examples: int, size: int, max_body: int) -> int:
    """Return how many bytes a context adds to a body of `size` bytes, as if each example had its features.

    Raise ServiceError 413 if the body would then be too large: it takes as much memory and time as such a body.
    """
    length = len(context.mini)
    if size + length * examples > max_body:
        of_all = f"'context' has {length:,} bytes for each of {examples:,} examples"
        raise ServiceError(413, f"{of_all}, with the body more than {max_body:,}: send fewer examples at a time")
    return length * examples


def encode_examples(
    examples: Sequence[Any], context: Mapping[str, Any], signature: Signature, deadline: Deadline
) -> dict[str, np.ndarray]:
    """Serialise examples, merged with the context's features, to an input (N,); raise ServiceError 400, 499 or 504."""
    found = np.empty(len(examples), object)
    shared = _serialised(context, "the context")
    for index, example in numbered(examples, deadline):
        if not isinstance(example, simdjson.Object):
            raise ServiceError(400, f"example {index} is {name(example)}: make it an object of features")
        found[index] = _serialised(as_dict(example), f"example {index}", shared)
    return {next(iter(signature.inputs)): found}


def _serialised(features: Mapping[str, Any], place: str, shared: bytes = b"") -> bytes:
    """Serialise features and those of another serialised example, which they override; raise ServiceError 400."""
    from tensorflow.core.example import example_pb2

    example = example_pb2.Example.FromString(shared)
    for key, value in features.items():
        kind, values = _feature(value, f"{place}, feature '{key[:50]}'")
        feature = example.features.feature[key]
        feature.Clear()
        if kind:
            getattr(feature, f"{kind}_list").value.extend(values)
    serialised: bytes = example.SerializeToString()
    return serialised


def _feature(value: Any, place: str) -> tuple[str, list[Any]]:
    """Return the kind and the values of a feature; raise ServiceError 400."""
    items = value if isinstance(value, list) else [value]
    found = [_value(item, place) for item in items]
    kinds = {kind for kind, _ in found}
    if len(kinds) > 1:
        mixed = " and ".join(sorted(KINDS[kind] for kind in kinds))
        raise ServiceError(400, f"{place}: the list has {mixed}: write all of them alike, as 1.0 for 1")
    return (kinds.pop() if kinds else ""), [item for _, item in found]


def _value(item: Any, place: str) -> tuple[str, Any]:
    if isinstance(item, bool | int):
        if not -(2**63) <= item < 2**63:
            raise ServiceError(400, f"{place}: {item} is beyond 64 bits: write it with a point")
        return "int64", int(item)
    if isinstance(item, float):
        if not isfinite(item) or abs(item) > LARGEST_FLOAT:
            raise ServiceError(400, f"{place}: expected numbers that fit float32, found {item:g}")
        return "float", item
    if isinstance(item, str):
        return "bytes", item.encode()
    if isinstance(item, dict) and list(item) == ["b64"]:
        return "bytes", from_base64(item["b64"], place)
    raise ServiceError(400, f"{place}: expected numbers or text, or a list of them, found {name(item)}")


def answers_classes(signature: Signature) -> bool:
    """Return whether the outputs of a signature are classes or scores."""
    return bool(signature.outputs) and signature.outputs.keys() <= {CLASSES, SCORES}


def write_labels(labels: Sequence[str], outputs: dict[str, np.ndarray]) -> str:
    """Return JSON that pairs the labels, which are the same in each row, with scores (N, labels)."""
    (scores,) = outputs.values()
    named = [json.dumps(label, ensure_ascii=False) for label in labels]
    return _rows([named] * len(scores), map(numbers, scores))


def write_classes(outputs: dict[str, np.ndarray]) -> str:
    """Return JSON that pairs classes and scores, both (N, count); raise ServiceError 422.

    Without an output for classes they are empty texts; without one for scores they are 0.
    """
    found = {key: _by_row(outputs[key]) for key in (CLASSES, SCORES) if key in outputs}
    shapes = {x.shape for x in found.values()}
    if len(shapes) != 1:
        raise ServiceError(422, "the model has not as many classes as scores: use :predict")
    (shape,) = shapes
    classes = found.get(CLASSES, np.full(shape, b"", object))
    scores = found.get(SCORES, np.zeros(shape, np.float32))
    named = [[json.dumps(_text(label), ensure_ascii=False) for label in row] for row in classes.tolist()]
    return _rows(named, map(numbers, scores))


def _rows(labels: Sequence[Sequence[str]], scores: "map[list[str]]") -> str:
    rows = (
        ",".join(f"[{label},{score}]" for label, score in zip(*row, strict=True))
        for row in zip(labels, scores, strict=True)
    )
    return f"[{','.join(f'[{row}]' for row in rows)}]"


def _by_row(x: np.ndarray) -> np.ndarray:
    if x.ndim > 2:
        raise ServiceError(422, f"the model answers classes or scores of shape {x.shape}: use :predict")
    return x.reshape(len(x), -1)


def _text(label: object) -> str:
    return label.decode(errors="replace") if isinstance(label, bytes) else str(label)
