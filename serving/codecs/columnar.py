"""Columns of JSON: an input's values for all rows in one list, to a model's raw inputs."""

from typing import Any

import numpy as np
import simdjson

from serving.codecs import images, tables, tensors, texts
from serving.codecs import named_tensors as named
from serving.codecs.json_types import name
from serving.codecs.payload import Asked
from serving.errors import ServiceError
from serving.signature import Signature
from suite.artifact import Card


def read(given: Any, card: Card | None, signature: Signature, max_elements: int) -> dict[str, np.ndarray]:
    """Raw inputs from an object of columns by input name, or from the column itself where there is one input.

    ServiceError 400 or 413.
    """
    columns = _by_name(given, signature)
    kind = card.preprocessing["kind"] if card else ""
    if card and kind == "table":
        return _table(columns, card)
    named.check_complete(columns, signature)
    if card is None:
        found = {
            key: tensors.column(columns[key], tensor, max_elements, f"input '{key}'")
            for key, tensor in signature.inputs.items()
        }
        return _checked(found, signature)
    (key, column), *_ = columns.items()
    _check_list(key, column)
    if kind == "text":
        return {key: texts.read(column)}
    height, width, channels = card.inputs[0].shape
    return {key: images.read(Asked(None, None, column, column.mini), (height, width, channels), max_elements)}


def _checked(found: dict[str, np.ndarray], signature: Signature) -> dict[str, np.ndarray]:
    """The inputs, those that have rows first; ServiceError 400 where they do not have as many."""
    by_row = {key: x for key, x in found.items() if x.ndim}
    shapes = {key: signature.inputs[key].shape for key in by_row}
    # One of a fixed length is no batch: what that is to be, the graph says.
    batches = {key: x for key, x in by_row.items() if not shapes[key] or (shapes[key] or (0,))[0] is None}
    named.count_rows(batches or dict([next(iter(by_row.items()))]))
    return by_row | found


def _by_name(given: Any, signature: Signature) -> dict[str, Any]:
    if not isinstance(given, simdjson.Object):
        if len(signature.inputs) > 1:
            raise ServiceError(400, f"'inputs' is {name(given)}: make it an object of columns by input name")
        return {next(iter(signature.inputs)): given}
    named.check_known(given, signature)
    return {key: given[key] for key in given}


def _table(columns: dict[str, Any], card: Card) -> dict[str, np.ndarray]:
    for key, column in columns.items():
        _check_list(key, column)
    counts = {key: len(column) for key, column in columns.items()}
    rows = max(counts.values(), default=0)
    if not rows:
        raise ServiceError(400, "there are no rows in 'inputs': give columns of one value or more")
    for key, count in counts.items():
        if count != rows:
            raise ServiceError(400, f"the column '{key}' has {count} rows where others have {rows}")
    return {
        spec.name: tables.column([*columns[spec.name]], spec) if spec.name in columns else tables.missing(spec, rows)
        for spec in card.inputs
    }


def _check_list(key: str, column: Any) -> None:
    if not isinstance(column, simdjson.Array) or not len(column):
        raise ServiceError(400, f"the input '{key}' is {name(column)}: make it a list of one value a row")
