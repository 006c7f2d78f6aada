"""The worst mistakes: wrong predictions of the highest confidence, with their inputs."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from suite.data.dataset import Dataset
from suite.report.statistics import Predictions

MAX_MISTAKES = 12
MAX_TEXT = 400
MAX_SIDE = 128
MAX_COLUMNS = 6


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction: its row in the data, labels, the prediction's score, and a picture, a text or columns.

    `file` is the name of the row's file, if it is one.
    """

    row: int
    truth: str
    answer: str
    score: float
    file: str = ""
    picture: str = ""
    text: str = ""
    columns: Sequence[tuple[str, str, str]] = ()


def worst(dataset: Dataset, predictions: Predictions, preprocessing: dict[str, Any]) -> list[Mistake]:
    """The most confident wrong predictions; of two classes, as many of either kind if there are enough."""
    predicted = predictions.predicted
    confidence = predictions.probabilities[np.arange(len(predicted)), predicted]
    wrong = np.flatnonzero(predicted != predictions.y)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    if len(dataset.labels) == 2:
        kinds = [wrong[predictions.y[wrong] == index] for index in (0, 1)]
        half = MAX_MISTAKES // 2
        shares = [MAX_MISTAKES - min(half, len(kinds[1])), MAX_MISTAKES - min(half, len(kinds[0]))]
        wrong = np.concatenate([kind[:count] for kind, count in zip(kinds, shares, strict=True)])
    shown = wrong[:MAX_MISTAKES]
    rows = dataset.rows["test"][shown]
    inputs = inputs_of(dataset, rows, preprocessing)
    return [
        Mistake(
            int(row),
            dataset.labels[predictions.y[index]],
            dataset.labels[predicted[index]],
            float(confidence[index]),
            dataset.file_of(int(row)),
            **shown_input,
        )
        for index, row, shown_input in zip(shown, rows, inputs, strict=True)
    ]


def inputs_of(dataset: Dataset, rows: np.ndarray, preprocessing: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs of each row, as fields of Mistake."""
    kind = preprocessing["kind"]
    if kind == "image":
        return [{"picture": _data_uri(dataset.inputs["image"][row])} for row in rows]
    if kind == "text":
        return [{"text": _shorten(dataset.inputs["text"][row])} for row in rows]
    unusual = _unusual_columns(dataset, rows, preprocessing["columns"])
    return [{"columns": columns} for columns in unusual]


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _data_uri(pixels: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _unusual_columns(
    dataset: Dataset, rows: np.ndarray, columns: Sequence[dict[str, Any]]
) -> list[list[tuple[str, str, str]]]:
    """The most unusual columns of each row compared with the training rows: name, value, and how unusual it is."""
    scores, texts = zip(*(_unusualness(dataset, rows, column) for column in columns), strict=True)
    order = np.argsort(-np.array(scores), axis=0, kind="stable")[:MAX_COLUMNS]
    kinds = {spec.name: spec.kind for spec in dataset.specs}
    return [
        [
            (
                columns[index]["name"],
                _format_input(dataset.inputs[columns[index]["name"]][row], kinds[columns[index]["name"]]),
                texts[index][position],
            )
            for index in order[:, position]
        ]
        for position, row in enumerate(rows)
    ]


def _unusualness(dataset: Dataset, rows: np.ndarray, column: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """How unusual a column's values are, in standard deviations (N,), and in words; rare categories are converted."""
    values = dataset.inputs[column["name"]][rows]
    if "centre" in column:
        distances = (values.astype(np.float64) - column["centre"]) / column["scale"]
        return np.nan_to_num(np.abs(distances)), ["" if np.isnan(x) else f"{x:+.1f} deviations" for x in distances]
    if column["kind"] == "text":
        # Nearly every text is unlike all others; a person wants to read it.
        return np.full(len(rows), np.inf), [""] * len(rows)
    known = dataset.inputs[column["name"]][dataset.rows["train"]]
    shares = np.array([np.mean(known == value) for value in values])
    deviations = np.sqrt(-2 * np.log(np.maximum(shares, 1 / (len(known) + 1))))
    return deviations, [f"{share:.1%} of training rows" for share in shares]


def _format_input(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return _shorten(value) or "missing"
    if np.isnan(value):
        return "missing"
    if kind == "boolean":
        return "true" if value else "false"
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M") if kind == "date" else f"{value:.5g}"
