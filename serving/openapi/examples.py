"""Example values that a model accepts."""

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
# Examples of more numbers than this are left out, because they would be too long to read.
MAX_NUMBERS = 10_000


def instance(model: Model) -> Any:
    """Return one instance as a person would send it; None if it would be too long or cannot be made up."""
    if model.card is None:
        values = _by_name(model)
        return next(iter(values.values())) if values and len(values) == 1 else values
    columns = by_column(model.card, model.kind)
    return columns if model.kind == "table" else next(iter(columns.values()))


def named(model: Model) -> dict[str, Any] | None:
    """Return the same example by input name."""
    return by_column(model.card, model.kind) if model.card else _by_name(model)


def in_tensor(value: Any, dtype: str) -> Any:
    """Convert an example value to an element of a tensor: true becomes 1, a date becomes seconds since 1970."""
    if dtype not in ("string", "bool"):
        return MOMENT.timestamp() if isinstance(value, str) else value + 0
    return value


def by_column(card: Card, kind: str) -> dict[str, Any]:
    """Return an example for a model with a card. A table's row has typical numbers and the first known categories."""
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
    if kind == "text":
        return SENTENCE
    return learned["vocabulary"][0] if learned["vocabulary"] else "other"


def _picture(card: Card) -> str:
    """Return a PNG of the model's input size, with a gradient from dark to light, in base64."""
    from PIL import Image

    height, width, channels = card.inputs[0].shape
    shades = np.linspace(0, 255, height * width).astype(np.uint8).reshape(height, width)
    file = io.BytesIO()
    Image.fromarray(shades).convert("L" if channels == 1 else "RGB").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _by_name(model: Model) -> dict[str, Any] | None:
    inputs = model.signature.inputs
    # Only the graph knows which features its examples need, and a value for all rows is not part of a row.
    if takes_examples(model.signature) or any(tensor.shape == () for tensor in inputs.values()):
        return None
    if sum(prod(length or 1 for length in _row(tensor)) for tensor in inputs.values()) > MAX_NUMBERS:
        return None
    return {name: _nested(tensor.dtype, _row(tensor)) for name, tensor in inputs.items()}


def _nested(dtype: str, shape: tuple[int | None, ...]) -> Any:
    """Return nested lists of this shape, with length 1 for axes of any length."""
    if shape:
        return [_nested(dtype, shape[1:])] * (1 if shape[0] is None else shape[0])
    if dtype in ("string", "bool"):
        return "a text" if dtype == "string" else True
    return 1 if np.dtype(dtype).kind in "iu" else 1.5


def _row(tensor: Tensor) -> tuple[int | None, ...]:
    return () if tensor.shape is None else tensor.shape[1:]
