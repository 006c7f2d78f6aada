"""Encodes outputs as JSON. Numbers have seven significant digits, which is the precision of float32."""

import base64
import json
from collections.abc import Collection
from itertools import islice
from typing import Any
from urllib.parse import quote

import numpy as np

from serving.errors import ServiceError
from suite.errors import shortened

Outputs = dict[str, np.ndarray]
# The header that names columns which the model does not use.
UNUSED_COLUMNS, MOST_NAMED = "X-Unused-Columns", 20
NOT_A_NUMBER = "instance {}: the model's answer is not a number: its values lie too far from what it knows"


def unused_columns(names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return a header with the names, percent-encoded and separated by commas, or none if there are no names."""
    shown = ", ".join(quote(shortened(name), safe=" ") for name in islice(names, MOST_NAMED))
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ((UNUSED_COLUMNS, shown + more),) if names else ()


def count(outputs: Outputs) -> int:
    """Return the number of elements of all outputs."""
    return sum(x.size for x in outputs.values())


def check_finite(values: np.ndarray) -> None:
    """Raise ServiceError 422 if an output has NaN or infinity."""
    if values.dtype.kind != "f":
        return
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite.reshape(len(values) if values.ndim else 1, -1).all(axis=1)))
        raise ServiceError(422, NOT_A_NUMBER.format(row))


def rows(outputs: Outputs, count: int) -> str:
    """Return a JSON list of each row's output, or object of outputs if there are several; raise ServiceError 422."""
    for name, x in outputs.items():
        if not x.ndim or len(x) != count:
            raise ServiceError(
                422, f"the output '{name}' has shape {x.shape}, not one row an instance: send one at a time"
            )
        check_finite(x)
    columns = [[_nested(row) for row in x] for x in outputs.values()]
    if len(outputs) == 1:
        return f"[{','.join(columns[0])}]"
    names = [json.dumps(name) for name in outputs]
    objects = (",".join(map("{}:{}".format, names, row)) for row in zip(*columns, strict=True))
    return f"[{','.join(f'{{{one}}}' for one in objects)}]"


def columns(outputs: Outputs) -> str:
    """Return the array of the output as JSON, or an object of arrays if there are several; raise ServiceError 422."""
    for x in outputs.values():
        check_finite(x)
    if len(outputs) == 1:
        return _nested(next(iter(outputs.values())))
    return "{" + ",".join(f"{json.dumps(name)}:{_nested(x)}" for name, x in outputs.items()) + "}"


def highest(x: np.ndarray, count: int, labels: list[str]) -> np.ndarray:
    """Return texts "score:index:label" (N, count), highest first, as in Triton's classification extension."""
    if x.ndim != 2 or x.dtype.kind != "f":
        raise ServiceError(400, f"'classification' is for one list of scores a row, and this has shape {x.shape}")
    order = np.argsort(-x, axis=1, kind="stable")[:, :count]
    named = labels if len(labels) == x.shape[1] else []
    rows = [
        [f"{x[row, index]:.7g}:{index}{':' + named[index] if named else ''}".encode() for index in indices]
        for row, indices in enumerate(order)
    ]
    return np.array(rows, object)


def numbers(row: np.ndarray) -> list[str]:
    """Return each number of a list as JSON."""
    return [f"{value:.7g}" for value in row.tolist()]


def _nested(x: Any) -> str:
    """Return an array, or one element of an array, as JSON."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return flat(np.asarray([x]) if not isinstance(x, bytes | str) else np.array([x], object))[1:-1]
    return flat(x) if x.ndim == 1 else f"[{','.join(map(_nested, x))}]"


def flat(x: np.ndarray) -> str:
    """Return all elements as one flat JSON list."""
    if x.dtype == np.float32 or x.dtype == np.float16:
        return f"[{','.join(map('%.7g'.__mod__, x.ravel().tolist()))}]"
    return json.dumps([_plain(item) for item in x.ravel()], ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Convert an element for JSON; bytes that are not UTF-8 become {"b64": "..."}."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value.item() if isinstance(value, np.generic) else value
