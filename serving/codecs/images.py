"""Pictures of a request: nested numbers, base64 text or uploaded files, to uint8 arrays."""

from math import prod
from typing import Any

import numpy as np
import simdjson

from serving.codecs import json_arrays as arrays
from serving.codecs.json_types import OBJECT, name
from serving.codecs.payload import Asked
from serving.errors import ServiceError
from suite.errors import SuiteError
from suite.preprocessing.mirror import image


def read(asked: Asked, shape: tuple[int, int, int], max_elements: int) -> np.ndarray:
    """Pictures as uint8 (N, height, width, channels); ServiceError 400 or 413. Grey ones may leave out the channel."""
    if asked.rows * prod(shape) > max_elements:
        most = max_elements // prod(shape)
        raise ServiceError(413, f"{asked.rows:,} pictures of {shape} in one request: send at most {most:,}")
    if asked.files:
        return np.stack([decode(content, shape, f"file {index}") for index, content in enumerate(asked.files)])
    shapes: list[tuple[int, ...]] = [shape, shape[:2]] if shape[2] == 1 else [shape]
    if _are_numbers(asked):
        return arrays.read(asked.instances, asked.text, shapes, "uint8").reshape(-1, *shape)
    return np.stack([_read_one(item, shapes, f"instance {index}") for index, item in enumerate(asked.instances)])


def are_files(asked: Asked) -> bool:
    """Whether there may be pictures to decompress, which can take long however few bytes they are."""
    return bool(asked.files) or not _are_numbers(asked)


def _are_numbers(asked: Asked) -> bool:
    return bool(asked.text) and all(isinstance(item, simdjson.Array) for item in asked.instances)


def _read_one(item: Any, shapes: list[tuple[int, ...]], place: str) -> np.ndarray:
    if isinstance(item, OBJECT) and list(item) == ["image"]:
        item = item["image"]
    if isinstance(item, OBJECT):
        if list(item) != ["b64"]:
            raise ServiceError(400, f'{place}: expected {{"b64": "..."}}, found other keys')
        return decode(arrays.from_base64(item["b64"], place), shapes[0], place)
    if isinstance(item, str):
        return decode(arrays.from_base64(item, place), shapes[0], place)
    if not isinstance(item, simdjson.Array):
        raise ServiceError(400, f"{place}: expected a picture (nested numbers or base64 text), found {name(item)}")
    rank = len(arrays.found_shape(item))
    shape = next((shape for shape in shapes if len(shape) == rank), shapes[0])
    return arrays.read_one(item, shape, "uint8", place).reshape(shapes[0])


def decode(content: bytes, shape: tuple[int, ...], place: str) -> np.ndarray:
    """A picture file as uint8 of the shape (height, width, channels); ServiceError 400."""
    height, width, channels = shape
    try:
        return image.decode(content, height, width, channels)
    except SuiteError as error:
        raise ServiceError(400, f"{place}: {error}") from error
