"""Texts of a request."""

from typing import Any

import numpy as np

from serving.codecs import json_arrays as arrays
from serving.codecs.json_types import OBJECT, name
from serving.errors import ServiceError


def read(instances: Any) -> np.ndarray:
    """Texts as object (N,), each given as text or as {"text": "..."}; ServiceError 400."""
    texts = np.empty(len(instances), object)
    for index, item in enumerate(instances):
        if isinstance(item, OBJECT) and list(item) in (["text"], ["b64"]):
            item = item["text"] if "text" in item else arrays.from_base64(item["b64"], f"instance {index}")
        if isinstance(item, bytes):
            item = utf8(item, f"instance {index}")
        if not isinstance(item, str):
            raise ServiceError(400, f'instance {index}: expected text or {{"text": "..."}}, found {name(item)}')
        texts[index] = item
    return texts


def utf8(value: bytes, place: str) -> str:
    """Bytes as the text they are; ServiceError 400."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ServiceError(400, f"{place}: its bytes are no text in UTF-8 ({error.reason}): encode them so") from error
