"""Outputs to the JSON of an answer. Numbers are written with seven significant digits, all that a float32 holds."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from serving.errors import ServiceError
from suite.artifact import PROBABILITIES, Card

Outputs = dict[str, np.ndarray]


def classifier(card: Card) -> Callable[[Outputs], str]:
    """A function from probabilities (N, labels) to a JSON list of one object a row; it raises ServiceError 422."""
    labels = [json.dumps(label, ensure_ascii=False) for label in card.labels]
    probabilities = ",".join(label.replace("%", "%%") + ":%.7g" for label in labels)
    detected = f'"threshold":{json.dumps(card.threshold)},"flagged":%s,' if card.threshold is not None else ""
    template = f'{{"label":%s,"score":%.7g,{detected}"probabilities":{{{probabilities}}}}}'

    def highest(row: list[float]) -> str:
        score = max(row)
        return template % (labels[row.index(score)], score, *row)

    def flagged(row: list[float]) -> str:
        found = row[1] >= threshold
        return template % (labels[found], row[1], "true" if found else "false", *row)

    threshold = card.threshold or 0.0
    one = highest if card.threshold is None else flagged

    def write(outputs: Outputs) -> str:
        values = outputs[PROBABILITIES]
        check_finite(values)
        return f"[{','.join(map(one, values.tolist()))}]"

    return write


def check_finite(values: np.ndarray) -> None:
    """ServiceError 422 for an answer with a number that is none."""
    if values.dtype.kind != "f":
        return
    values = np.atleast_1d(values)
    rows = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if rows.size:
        message = f"instance {rows[0]}: the model's answer is not a number: its values lie too far from what it knows"
        raise ServiceError(422, message)


def tensors(outputs: Outputs, rows: int) -> str:
    """A JSON list with each row's output, or with an object of outputs where there are several; ServiceError 422."""
    for name, x in outputs.items():
        if not x.ndim or len(x) != rows:
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
    """The output's whole array as JSON, or an object of them where there are several; ServiceError 422."""
    for x in outputs.values():
        check_finite(x)
    if len(outputs) == 1:
        return _nested(next(iter(outputs.values())))
    return "{" + ",".join(f"{json.dumps(name)}:{_nested(x)}" for name, x in outputs.items()) + "}"


def numbers(row: np.ndarray) -> list[str]:
    """Each number of a list as JSON."""
    return [f"{value:.7g}" for value in row.tolist()]


def _nested(x: Any) -> str:
    """An array, or one element of one, as JSON."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return flat(np.asarray([x]) if not isinstance(x, bytes | str) else np.array([x], object))[1:-1]
    return flat(x) if x.ndim == 1 else f"[{','.join(map(_nested, x))}]"


def flat(x: np.ndarray) -> str:
    """All elements as one JSON list."""
    if x.dtype == np.float32 or x.dtype == np.float16:
        return f"[{','.join(map('%.7g'.__mod__, x.ravel().tolist()))}]"
    return json.dumps([_plain(item) for item in x.ravel()], ensure_ascii=False)


def _plain(value: Any) -> Any:
    """An element of an array as JSON has it; bytes that are no text as {"b64": "..."}."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value.item() if isinstance(value, np.generic) else value
