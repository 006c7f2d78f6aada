"""Requests of every kind to a service of a picture, a text and a table model, with the status that each is answered."""

import gzip
import io
import json
from collections.abc import Iterator

import numpy as np
from PIL import Image

from serving.codecs import open_inference as v2
from tests.benchmarks.open_loop import request
from tests.benchmarks.serving_load import BINARY, JSON, NPY, body

WORDS = ["a", "joy", "dull", "start", "end", "film", "warm", "cold", "long", "never", "seen"]
# How many of each kind, each with other contents.
VARIANTS = 20


def mix() -> list[tuple[bytes, int]]:
    """Whole HTTP requests, as many good ones as wrong ones are rare."""
    generator = np.random.default_rng(0)
    found = []
    for number in range(VARIANTS):
        found += [(one, 200) for one in _pictures(generator)]
        found += [(one, 200) for one in _others(generator)]
        found += _wrong(number)
    return found


def _pictures(generator: np.random.Generator) -> Iterator[bytes]:
    pictures = generator.integers(0, 256, (16, 28, 28, 1), np.uint8)
    asked = body("image_cls", pictures[0].tolist())
    npy, png = io.BytesIO(), io.BytesIO()
    np.save(npy, pictures[:4])
    Image.fromarray(pictures[0, ..., 0]).save(png, "PNG")
    head, tensor = v2.encode_request({"image": pictures})
    yield request("/predict", asked, {"Content-Type": JSON})
    yield request("/predict", gzip.compress(asked), {"Content-Type": JSON, "Content-Encoding": "gzip"})
    yield request("/predict", asked, {"Content-Type": JSON, "Connection": "close"})
    yield request("/predict?model=image_cls", npy.getvalue(), {"Content-Type": NPY})
    yield request("/predict?model=image_cls", png.getvalue(), {"Content-Type": "image/png"})
    yield request("/v2/models/image_cls/infer", head + tensor, {"Content-Type": BINARY, v2.JSON_LENGTH: str(len(head))})
    yield request("/v1/models/image_cls:predict", json.dumps({"instances": pictures[:2].tolist()}).encode())


def _others(generator: np.random.Generator) -> Iterator[bytes]:
    text = " ".join(generator.choice(WORDS, 20))
    payment = {f"V{number}": float(generator.normal()) for number in range(1, 29)}
    columns, row = ",".join(payment), ",".join(map(str, payment.values()))
    yield request("/predict", body("text_cls", text))
    yield request("/predict?model=text_cls", text.encode(), {"Content-Type": "text/plain"})
    yield request("/predict", body("fraud", {**payment, "Amount": 12.5}))
    yield request("/predict?model=fraud", f"{columns}\n{row}\n".encode(), {"Content-Type": "text/csv"})
    yield request("/models")
    yield request("/metrics")
    yield request("/readyz")


def _wrong(number: int) -> Iterator[tuple[bytes, int]]:
    """What is refused; the names differ, for what is remembered of each would add up."""
    yield request("/predict", body("image_cls", [[number]])), 400
    yield request("/predict", b"{" * (number + 1)), 400
    yield request("/predict", body(f"nobody-{number}", "A joy.")), 404
    yield request(f"/nowhere/{number}"), 404
    yield request("/predict", body("text_cls", "A joy."), {"X-Request-Timeout-Ms": "0"}), 504
