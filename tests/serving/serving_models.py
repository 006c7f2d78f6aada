"""Tiny real artifacts, created directly so that these tests need no training."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from serving.engines.base import Engine
from suite import artifact
from suite.artifact import PROBABILITIES, Card, TensorSpec
from suite.preprocessing.mirror import table
from suite.training import onnx_model

SIDE = 8
DIGITS = ["zero", "one", "two"]
COLUMNS: list[dict[str, Any]] = [
    {"name": "amount", "kind": "numeric", "centre": 10.0, "scale": 5.0, "mark_missing": True},
    {"name": "weekend", "kind": "boolean"},
    {"name": "time", "kind": "date", "centre": 1.6e9, "scale": 1e7},
    {"name": "country", "kind": "categorical", "vocabulary": ["de", "fr"]},
]
DTYPES = {"numeric": "float32", "boolean": "float32", "date": "float64", "categorical": "string"}
THRESHOLD = 0.3


def asked_by_threads(engine: Engine, pictures: np.ndarray, times: int) -> list[np.ndarray]:
    """Return the outputs for each picture, repeated `times` times, from threads that send one at a time."""

    def ask(row: int) -> np.ndarray:
        return engine.run({"image": pictures[row : row + 1]})["probabilities"][0]

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, list(range(len(pictures))) * times))


def save(
    models: Path, card: Card, core: keras.Model, *, saved_model: bool = False, other: keras.Model | None = None
) -> Path:
    """Write the next version: the core for LiteRT and, if the core takes raw inputs, as a SavedModel.

    With another core, the version also has an ONNX model, of that core.
    """
    with artifact.new_version(models, card.name) as (folder, version):
        card.version = version
        core.export(folder / "model.tflite", format="litert", verbose=False)
        card.engines = {"litert": {"file": "model.tflite", "max_abs_diff": 0.0, "rows_checked": 256}}
        if saved_model:
            core.export(folder, verbose=False)
            card.engines["tf"] = {"file": "saved_model.pb", "max_abs_diff": 0.0, "rows_checked": 256}
        if other:
            onnx_model.write(folder / "model.onnx", other)
            card.engines["onnx"] = {"file": "model.onnx", "max_abs_diff": 0.0, "rows_checked": 256}
        artifact.write_card(folder, card)
    return models / card.name / str(version)


def card(name: str, inputs: list[TensorSpec], labels: list[str], preprocessing: dict[str, Any], **more: Any) -> Card:
    outputs = [TensorSpec(PROBABILITIES, "float32", (len(labels),), PROBABILITIES)]
    return Card(name, 1, name, "2026-01-01T00:00:00+00:00", inputs, outputs, labels, preprocessing, **more)


def head(x: keras.KerasTensor, labels: int, seed: int) -> dict[str, keras.KerasTensor]:
    start = keras.initializers.RandomNormal(0, 0.5, seed=seed)
    return {PROBABILITIES: keras.layers.Dense(labels, activation="softmax", kernel_initializer=start)(x)}


def picture_core(channels: int, seed: int) -> keras.Model:
    x = keras.Input((SIDE, SIDE, channels), name="image", dtype="uint8")
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    return keras.Model({"image": x}, head(hidden, len(DIGITS), seed))


def image(
    models: Path, name: str = "digits", channels: int = 1, seed: int = 0, onnx_seed: int | None = None,
    saved_model: bool = True,
) -> Path:  # fmt: skip
    """Save a model of pictures; with `onnx_seed` also as ONNX, where different seeds give different networks."""
    other = None if onnx_seed is None else picture_core(channels, onnx_seed)
    preprocessing = {"kind": "image", "height": SIDE, "width": SIDE, "channels": channels}
    spec = TensorSpec("image", "uint8", (SIDE, SIDE, channels), "image", "image")
    described = card(name, [spec], DIGITS, preprocessing)
    return save(models, described, picture_core(channels, seed), saved_model=saved_model, other=other)


def text(models: Path) -> Path:
    length, words = 6, ["good", "bad"]
    inputs = {name: keras.Input((length,), name=name, dtype="int32") for name in ("words", "bigrams", "characters")}
    embedded = [keras.layers.Embedding(len(words) + 2, 4)(x) for x in inputs.values()]
    hidden = keras.layers.Flatten()(keras.layers.Add()(embedded))
    core = keras.Model(inputs, head(hidden, 2, 1))
    preprocessing = {
        "kind": "text",
        "length": length,
        "words": words,
        "bigrams": ["good bad"],
        "characters": ["goo", " bad"],
        "characters_length": length,
    }
    spec = TensorSpec("text", "string", (), "text", "text")
    return save(models, card("reviews", [spec], ["negative", "positive"], preprocessing), core)


def fraud(models: Path) -> Path:
    preprocessing = {"kind": "table", "columns": COLUMNS}
    inputs = {
        name: keras.Input(shape, name=name, dtype=dtype)
        for name, (shape, dtype) in table.core_inputs(preprocessing).items()
    }
    categories = keras.layers.Flatten()(keras.layers.Embedding(3, 2)(inputs["categories"]))
    core = keras.Model(inputs, head(keras.layers.Concatenate()([inputs["features"], categories]), 2, 2))
    specs = [TensorSpec(c["name"], DTYPES[c["kind"]], (), f"column_{c['name']}", c["kind"]) for c in COLUMNS]
    described = card("payments", specs, ["legitimate", "fraud"], preprocessing, threshold=THRESHOLD, ignored=["id"])
    return save(models, described, core)


class Halves(tf.Module):
    """A third-party SavedModel: one input, one output."""

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x / 2}


class HalfPlusTwo(tf.Module):
    """The model in TensorFlow Serving's documentation."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x / 2 + 2}


class Pair(tf.Module):
    """A model with two inputs of different kinds and two outputs."""

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.string, name="name"), tf.TensorSpec((None, 2), tf.int64, name="n")]
    )
    def __call__(self, name: tf.Tensor, n: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"greeting": tf.strings.join(["hello ", name]), "total": tf.reduce_sum(n, axis=1)}


class Reader(tf.Module):
    """A model that returns the content of files."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="path")])
    def __call__(self, path: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"content": tf.map_fn(tf.io.read_file, path)}


class Writer(tf.Module):
    """A model that writes files like checkpoints, in a function with the name of the real saving function."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="path")])
    def traced_save(self, path: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.raw_ops.SaveV2(prefix=path[0], tensor_names=["x"], shape_and_slices=[""], tensors=[path])
        return {"path": path}

    __call__ = traced_save


class Printer(tf.Module):
    """A model that writes a file by printing to it."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="line")])
    def __call__(self, line: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.print(line, output_stream="file:///tmp/never-written")
        return {"line": line}


def plain(models: Path, name: str, module: tf.Module) -> Path:
    """Write a SavedModel without a card."""
    folder = models / name / "1"
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return folder
