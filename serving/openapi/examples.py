"""Values that a model answers."""

import base64
import io
from datetime import UTC, datetime
from math import prod
from typing import Any

import numpy as np

from serving.codecs.classify_regress import takes_examples
from serving.models.loader import Model
from serving.signature import Tensor
from suite.artifact import Card

MOMENT = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
ISO = "%Y-%m-%dT%H:%M:%SZ"
SENTENCE = "A fine day."
# An example of more numbers than this helps nobody.
MOST = 10_000


def instance(model: Model) -> Any:
    """One input as a person would send it; None where that would be too long."""
    if model.card is None:
        values = _by_name(model)
        return next(iter(values.values())) if values and len(values) == 1 else values
    columns = by_column(model.card, model.kind)
    return columns if model.kind == "table" else next(iter(columns.values()))


def named(model: Model) -> dict[str, Any] | None:
    """The same by input name."""
    return by_column(model.card, model.kind) if model.card else _by_name(model)


def in_tensor(value: Any, dtype: str) -> Any:
    """One value of these as tensors have it: true as 1, a date in seconds."""
    if dtype not in ("string", "bool"):
        return MOMENT.timestamp() if isinstance(value, str) else value + 0
    return value


def by_column(card: Card, kind: str) -> dict[str, Any]:
    """The same of a model with a card; a table's row has what is usual, or the first category of those known."""
    if kind != "table":
        return {card.inputs[0].name: _picture(card) if kind == "image" else SENTENCE}
    learned = {column["name"]: column for column in card.preprocessing["columns"]}
    return {spec.name: _cell(spec.kind, spec.format, learned[spec.name]) for spec in card.inputs}


def _cell(kind: str, date_format: str, learned: dict[str, Any]) -> Any:
    if kind == "numeric":
        return float(f"{learned['centre']:.6g}")
    if kind == "boolean":
        return True
    if kind == "date":
        return MOMENT.strftime(date_format or ISO)
    return learned["vocabulary"][0] if learned["vocabulary"] else "other"


def _picture(card: Card) -> str:
    """A PNG of the model's own size, from dark to light, in base64."""
    from PIL import Image

    height, width, channels = card.inputs[0].shape
    shades = np.linspace(0, 255, height * width).astype(np.uint8).reshape(height, width)
    file = io.BytesIO()
    Image.fromarray(shades).convert("L" if channels == 1 else "RGB").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _by_name(model: Model) -> dict[str, Any] | None:
    inputs = model.signature.inputs
    # What features serialised examples have to have, only the graph knows; one value for all rows is no part of a row.
    if takes_examples(model.signature) or any(tensor.shape == () for tensor in inputs.values()):
        return None
    if sum(prod(length or 1 for length in _row(tensor)) for tensor in inputs.values()) > MOST:
        return None
    return {name: _nested(tensor.dtype, _row(tensor)) for name, tensor in inputs.items()}


def _nested(dtype: str, shape: tuple[int | None, ...]) -> Any:
    """Lists of this shape, one long where any length is allowed."""
    if shape:
        return [_nested(dtype, shape[1:])] * (1 if shape[0] is None else shape[0])
    if dtype in ("string", "bool"):
        return "a text" if dtype == "string" else True
    return 1 if np.dtype(dtype).kind in "iu" else 1.5


def _row(tensor: Tensor) -> tuple[int | None, ...]:
    return () if tensor.shape is None else tensor.shape[1:]
