"""The answers that a model was surest of and that were wrong, with what it saw."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from suite.data.dataset import Dataset
from suite.report.statistics import Answers

MOST = 12
LONGEST = 400
LARGEST_SIDE = 128
COLUMNS = 6


@dataclass(frozen=True)
class Mistake:
    """One wrong answer: its row in the data, labels, the score of the answer, and one of a picture, text or columns."""

    row: int
    truth: str
    answer: str
    score: float
    picture: str = ""
    text: str = ""
    columns: Sequence[tuple[str, str, str]] = ()


def worst(dataset: Dataset, answers: Answers, preprocessing: dict[str, Any]) -> list[Mistake]:
    """The surest wrong answers; with two classes as many of either kind, where there are."""
    predicted = answers.predicted
    sure = answers.probabilities[np.arange(len(predicted)), predicted]
    wrong = np.flatnonzero(predicted != answers.y)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    if len(dataset.labels) == 2:
        kinds = [wrong[answers.y[wrong] == index] for index in (0, 1)]
        share = [MOST - min(MOST // 2, len(kinds[1])), MOST - min(MOST // 2, len(kinds[0]))]
        wrong = np.concatenate([kind[:count] for kind, count in zip(kinds, share, strict=True)])
    shown = wrong[:MOST]
    rows = dataset.rows["test"][shown]
    content = _content(dataset, rows, preprocessing)
    return [
        Mistake(
            int(row), dataset.labels[answers.y[index]], dataset.labels[predicted[index]], float(sure[index]), **seen
        )
        for index, row, seen in zip(shown, rows, content, strict=True)
    ]


def _content(dataset: Dataset, rows: np.ndarray, preprocessing: dict[str, Any]) -> list[dict[str, Any]]:
    """What the model saw of each of the rows."""
    kind = preprocessing["kind"]
    if kind == "image":
        return [{"picture": _data_uri(dataset.inputs["image"][row])} for row in rows]
    if kind == "text":
        return [{"text": _shorten(dataset.inputs["text"][row])} for row in rows]
    unusual = _unusual(dataset, rows, preprocessing["columns"])
    return [{"columns": columns} for columns in unusual]


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _data_uri(pixels: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _unusual(dataset: Dataset, rows: np.ndarray, columns: Sequence[dict[str, Any]]) -> list[list[tuple[str, str, str]]]:
    """For each row the columns that are furthest from what is usual in training: name, value, how far."""
    scores, texts = zip(*(_surprise(dataset, rows, column) for column in columns), strict=True)
    order = np.argsort(-np.array(scores), axis=0, kind="stable")[:COLUMNS]
    formats = {spec.name: spec.kind for spec in dataset.specs}
    return [
        [
            (
                columns[index]["name"],
                _value(dataset.inputs[columns[index]["name"]][row], formats[columns[index]["name"]]),
                texts[index][place],
            )
            for index in order[:, place]
        ]
        for place, row in enumerate(rows)
    ]


def _surprise(dataset: Dataset, rows: np.ndarray, column: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """How unusual a column's values in these rows are: deviations from the centre, or as rare as such would be."""
    values = dataset.inputs[column["name"]][rows]
    if "centre" in column:
        away = (values.astype(np.float64) - column["centre"]) / column["scale"]
        return np.nan_to_num(np.abs(away)), ["" if np.isnan(x) else f"{x:+.1f} deviations" for x in away]
    known = dataset.inputs[column["name"]][dataset.rows["train"]]
    shares = np.array([np.mean(known == value) for value in values])
    deviations = np.sqrt(-2 * np.log(np.maximum(shares, 1 / (len(known) + 1))))
    return deviations, [f"{share:.1%} of training rows" for share in shares]


def _value(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return value or "missing"
    if np.isnan(value):
        return "missing"
    if kind == "boolean":
        return "true" if value else "false"
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M") if kind == "date" else f"{value:.5g}"
