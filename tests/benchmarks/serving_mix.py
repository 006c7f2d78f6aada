"""Requests of every kind to a service of a picture, a text and a table model, with the status that each is answered."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from serving.codecs import open_inference as v2
from tests.benchmarks.open_loop import request
from tests.benchmarks.serving_load import BINARY, JSON, NPY, body

WORDS = ["a", "joy", "dull", "start", "end", "film", "warm", "cold", "long", "never", "seen"]
# How many of each kind, each with other contents.
VARIANTS = 20


def payment(generator: np.random.Generator) -> dict[str, Any]:
    """A row for the model of payments as `suite fit fraud` makes it."""
    return {f"V{number}": float(generator.normal()) for number in range(1, 29)} | {"Amount": 12.5}


@dataclass(frozen=True)
class Models:
    """The names of a picture model, of grey pictures of `side`, of a text and of a table model, and rows for the last.

    Without more said, those that `suite fit` makes of the sets that come with it.
    """

    picture: str = "image_cls"
    side: int = 28
    text: str = "text_cls"
    table: str = "fraud"
    row: Callable[[np.random.Generator], dict[str, Any]] = payment


def mix(models: Models = Models()) -> list[tuple[bytes, int]]:
    """Whole HTTP requests, as many good ones as wrong ones are rare."""
    generator = np.random.default_rng(0)
    found = []
    for number in range(VARIANTS):
        found += [(one, 200) for one in _pictures(models, generator)]
        found += [(one, 200) for one in _others(models, generator)]
        found += _wrong(models, number)
    return found


def _pictures(models: Models, generator: np.random.Generator) -> Iterator[bytes]:
    pictures = generator.integers(0, 256, (16, models.side, models.side, 1), np.uint8)
    name = models.picture
    asked = body(name, pictures[0].tolist())
    npy, png = io.BytesIO(), io.BytesIO()
    np.save(npy, pictures[:4])
    Image.fromarray(pictures[0, ..., 0]).save(png, "PNG")
    head, tensor = v2.encode_request({"image": pictures})
    yield request("/predict", asked, {"Content-Type": JSON})
    yield request("/predict", gzip.compress(asked), {"Content-Type": JSON, "Content-Encoding": "gzip"})
    yield request("/predict", asked, {"Content-Type": JSON, "Connection": "close"})
    yield request(f"/predict?model={name}", npy.getvalue(), {"Content-Type": NPY})
    yield request(f"/predict?model={name}", png.getvalue(), {"Content-Type": "image/png"})
    yield request(f"/v2/models/{name}/infer", head + tensor, {"Content-Type": BINARY, v2.JSON_LENGTH: str(len(head))})
    yield request(f"/v1/models/{name}:predict", json.dumps({"instances": pictures[:2].tolist()}).encode())


def _others(models: Models, generator: np.random.Generator) -> Iterator[bytes]:
    text = " ".join(generator.choice(WORDS, 20))
    row = models.row(generator)
    table = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
    yield request("/predict", body(models.text, text))
    yield request(f"/predict?model={models.text}", text.encode(), {"Content-Type": "text/plain"})
    yield request("/predict", body(models.table, row))
    yield request(f"/predict?model={models.table}", table.encode(), {"Content-Type": "text/csv"})
    yield request("/models")
    yield request("/metrics")
    yield request("/readyz")


def _wrong(models: Models, number: int) -> Iterator[tuple[bytes, int]]:
    """What is refused; the names differ, for what is remembered of each would add up."""
    yield request("/predict", body(models.picture, [[number]])), 400
    yield request("/predict", b"{" * (number + 1)), 400
    yield request("/predict", body(f"nobody-{number}", "A joy.")), 404
    yield request(f"/nowhere/{number}"), 404
    yield request("/predict", body(models.text, "A joy."), {"X-Request-Timeout-Ms": "0"}), 504
