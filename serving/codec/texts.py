"""Texts of a request."""

from typing import Any

import numpy as np
import simdjson

from serving.codec.body import name
from serving.errors import ServiceError


def read(instances: Any) -> np.ndarray:
    """Texts as object (N,), each given as text or as {"text": "..."}; ServiceError 400."""
    texts = np.empty(len(instances), object)
    for index, item in enumerate(instances):
        if isinstance(item, simdjson.Object) and list(item) == ["text"]:
            item = item["text"]
        if not isinstance(item, str):
            raise ServiceError(400, f'instance {index}: expected text or {{"text": "..."}}, found {name(item)}')
        texts[index] = item
    return texts
