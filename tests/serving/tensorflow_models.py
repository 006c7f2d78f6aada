"""SavedModels as people make them for TensorFlow Serving, with TensorFlow's own tools."""

from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1
FLOAT, BYTES = tf.float32, tf.string
FEATURES = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "x2": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0]),
}


def half_plus_two(models: Path, name: str = "half_plus_two", version: str = "00000123", added: float = 2.0) -> Path:
    """Save TensorFlow Serving's example of this name, with TensorFlow 1's builder like the original."""
    folder = models / name / version
    with tf.Graph().as_default(), v1.Session() as session:
        a, b, c = (v1.Variable(value, name=key) for key, value in (("a", 0.5), ("b", added), ("c", 3.0)))
        example = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = v1.parse_example(example, FEATURES)
        x, x2 = tf.identity(parsed["x"], name="x"), tf.identity(parsed["x2"], name="x2")
        y, y2, y3 = (tf.add(a * one, by, name=key) for one, by, key in ((x, b, "y"), (x, c, "y2"), (x2, c, "y3")))
        classes = tf.strings.as_string(tf.round(y), name="classes")
        session.run(v1.global_variables_initializer())
        utils = v1.saved_model.signature_def_utils
        signatures = {
            "serving_default": utils.predict_signature_def({"x": x}, {"y": y}),
            "regress_x_to_y": utils.regression_signature_def(example, y),
            "regress_x_to_y2": utils.regression_signature_def(example, y2),
            "regress_x2_to_y3": raw_signature({"inputs": x2}, {"outputs": y3}, "regress"),
            "classify_x_to_y": utils.classification_signature_def(example, None, y),
            "classify_to_classes": utils.classification_signature_def(example, classes, None),
            "classify_both": utils.classification_signature_def(example, classes, y),
        }
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    return folder


def raw_signature(inputs: dict[str, tf.Tensor], outputs: dict[str, tf.Tensor], method: str) -> Any:
    """Return a signature that TensorFlow's helpers for its method would refuse."""
    described = [{key: v1.saved_model.build_tensor_info(x) for key, x in side.items()} for side in (inputs, outputs)]
    return v1.saved_model.build_signature_def(*described, f"tensorflow/serving/{method}")


def one_by_one(models: Path, name: str = "column") -> Path:
    """Save a model with a signature of (-1, 1), as for columns."""
    return functions(models, name, serving_default=(_halve, x([None, 1])))


def matrix(models: Path, name: str = "matrix") -> Path:
    """Save a model that multiplies matrices, so that its graph accepts no other shapes."""
    return functions(models, name, serving_default=(_multiply, x([None, 1])))


def centred(models: Path, name: str = "centred") -> Path:
    """Save a model whose rows depend on each other, as in batch normalisation in training mode."""
    return functions(models, name, serving_default=(_centre, x([None])))


def several(models: Path, name: str = "several", **more: Any) -> Path:
    """Save a model with various functions of TensorFlow 2 as signatures."""
    named = {
        "double": (_double, x([None])),
        "classify": (_classify, x([None], BYTES, "examples")),
        "regress": (_regress, x([None], BYTES, "examples")),
        "shout": (_shout, x([None], BYTES, "text")),
        "reverse": (_reverse, x([None], BYTES, "image_bytes")),
        "scaled": (_scaled, x([None]), x([], FLOAT, "scale")),
        "total": (_total, x([None, None])),
    }
    return functions(models, name, **named, **more)


def x(shape: list[int | None] | None, dtype: tf.DType = FLOAT, name: str = "x") -> tf.TensorSpec:
    return tf.TensorSpec(shape, dtype, name=name)


def functions(models: Path, name: str, **signatures: Any) -> Path:
    """Save a model of functions, each with the specifications of its inputs."""
    folder, module = models / name / "1", tf.Module()
    module.weight = tf.Variable([[0.5]])
    made = {
        key: tf.function(partial(function, module), input_signature=specs)
        for key, (function, *specs) in signatures.items()
    }
    # Only attributes of the module are saved with it.
    module.functions = made
    concrete = {key: one.get_concrete_function() for key, one in made.items()}
    tf.saved_model.save(module, str(folder), signatures=concrete)
    return folder


def _halve(_: tf.Module, x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": x / 2 + 2}


def _centre(_: tf.Module, x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": x - tf.reduce_mean(x)}


def _multiply(module: tf.Module, x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": x @ module.weight}


def _double(_: tf.Module, x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": x * 2}


def _classify(_: tf.Module, examples: tf.Tensor) -> dict[str, tf.Tensor]:
    parsed = tf.io.parse_example(examples, {"age": tf.io.FixedLenFeature([], tf.int64)})
    old = tf.cast(parsed["age"] >= 18, tf.float32)
    return {"classes": tf.tile([["child", "adult"]], [len(old), 1]), "scores": tf.stack([1 - old, old], axis=1)}


def _regress(_: tf.Module, examples: tf.Tensor) -> dict[str, tf.Tensor]:
    parsed = tf.io.parse_example(examples, {"words": tf.io.VarLenFeature(tf.string)})
    lengths = tf.strings.length(tf.sparse.to_dense(parsed["words"]))
    return {"outputs": tf.cast(tf.reduce_sum(lengths, axis=1), tf.float32)}


def _shout(_: tf.Module, text: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"text": tf.strings.upper(text), "length": tf.strings.length(text)}


def _reverse(_: tf.Module, image: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"copy_bytes": tf.strings.join([image, image])}


def _scaled(_: tf.Module, x: tf.Tensor, scale: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": x * scale, "mean": tf.reduce_mean(x)}


def _total(_: tf.Module, x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"total": tf.reduce_sum(x)}
