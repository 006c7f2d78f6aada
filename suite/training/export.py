"""Export of a trained network: SavedModel, light models and Keras file, checked against each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from suite.artifact import SAVED_MODEL, TensorSpec
from suite.config import native_log_silenced
from suite.preprocessing import mirror
from suite.preprocessing.graph import Preprocessing
from suite.training import onnx_model

LITERT = "model.tflite"
KERAS = "model.keras"
TOLERANCE = 1e-4
DTYPES = {"uint8": tf.uint8, "string": tf.string, "float32": tf.float32, "float64": tf.float64}
Arrays = dict[str, np.ndarray]


def export(
    folder: Path, model: keras.Model, preprocessing: dict[str, Any], specs: list[TensorSpec], checks: Arrays,
    light_engines: Sequence[str] = ("litert",), scale: float = 1.0,
) -> tuple[dict[str, dict[str, Any]], list[str]]:  # fmt: skip
    """Write the network; return the engines that passed the check, as a card lists them, and notes on the others.

    `checks` are raw inputs, real and unusual ones, on which every engine must answer as the SavedModel does.
    `light_engines` names the engines without TensorFlow to write files for: litert, onnx. Differences are divided by
    `scale` before they are compared with the tolerance.
    """
    model.save(folder / KERAS)
    _write_saved_model(folder, model, preprocessing, specs)
    (output,) = model.output
    reference = _run_saved_model(folder, specs, checks, output)
    rows = len(reference)
    engines: dict[str, dict[str, Any]] = {"tf": {"file": SAVED_MODEL, "max_abs_diff": 0.0, "rows_checked": rows}}
    notes = []
    for name in light_engines:
        light = LIGHT_FORMATS[name]
        try:
            light.write(folder / light.file, model)
            answers = light.run(folder / light.file, mirror.load(preprocessing)(checks), output)
            difference = float(np.abs(answers - reference).max())
        except Exception as error:  # the converter may raise anything; without it the SavedModel still serves
            notes.append(f"no {light.title}: the conversion failed ({type(error).__name__})")
        else:
            if difference <= TOLERANCE * scale:
                engines[name] = {"file": light.file, "max_abs_diff": difference, "rows_checked": rows}
                continue
            notes.append(f"no {light.title}: its answers differ by {difference:.2g}, more than {TOLERANCE * scale:.2g}")
        (folder / light.file).unlink(missing_ok=True)
    return engines, notes


def _write_saved_model(
    folder: Path, model: keras.Model, preprocessing: dict[str, Any], specs: list[TensorSpec]
) -> None:
    preprocess = Preprocessing(preprocessing)
    signature = {
        spec.tensor: tf.TensorSpec((None, *spec.shape), DTYPES[spec.dtype], name=spec.tensor) for spec in specs
    }

    def serve(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return model(preprocess({spec.name: inputs[spec.tensor] for spec in specs}), training=False)  # type: ignore[no-any-return]

    archive = keras.export.ExportArchive()
    archive.track(model)
    # Keras tracks only its own resources; lookup tables must be attributes of the object that is saved.
    archive._tf_trackable.tables = preprocess.tables
    archive.add_endpoint("serve", serve, input_signature=[signature])
    archive.write_out(folder, verbose=False)


def _write_litert(path: Path, model: keras.Model) -> None:
    with native_log_silenced():
        model.export(path, format="litert", verbose=False)


def litert(model: keras.Model) -> bytes | None:
    """The content of the light model's file; None if the network cannot be converted."""
    with TemporaryDirectory() as folder:
        path = Path(folder, LITERT)
        try:
            _write_litert(path, model)
        except Exception:  # the converter may raise anything
            return None
        return path.read_bytes()


def litert_milliseconds(content: bytes, warm_up: int, runs: int) -> float:
    """The median milliseconds of an answer to one row of zeros, on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    with native_log_silenced():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    seconds = []
    for _ in range(warm_up + runs):
        started = perf_counter()
        interpreter.invoke()
        seconds.append(perf_counter() - started)
    return float(np.median(seconds[warm_up:]) * 1000)


def _run_saved_model(folder: Path, specs: list[TensorSpec], raw: Arrays, output: str) -> np.ndarray:
    run = tf.saved_model.load(folder).signatures["serving_default"]
    tensors = {spec.tensor: tf.constant(raw[spec.name], DTYPES[spec.dtype]) for spec in specs}
    return run(**tensors)[output].numpy()  # type: ignore[no-any-return]


def _run_litert(path: Path, core: Arrays, output: str) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    with native_log_silenced():
        interpreter = Interpreter(str(path))
        return np.array(interpreter.get_signature_runner()(**core)[output])


@dataclass(frozen=True)
class _LightFormat:
    """A light model's title in notes and its file; `write` converts the core, `run` gives one of its outputs."""

    title: str
    file: str
    write: Callable[[Path, keras.Model], None]
    run: Callable[[Path, Arrays, str], np.ndarray]


LIGHT_FORMATS = {
    "litert": _LightFormat("light model", LITERT, _write_litert, _run_litert),
    "onnx": _LightFormat("ONNX model", onnx_model.FILE, onnx_model.write, onnx_model.run),
}
