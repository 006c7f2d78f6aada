"""The network's core as an ONNX file."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from suite.config import native_log_silenced
from suite.errors import UsageError

FILE = "model.onnx"


def check_installed() -> None:
    """UsageError if a package that writes or runs ONNX files is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import onnxruntime  # noqa: F401
            import tf2onnx  # noqa: F401
    except ImportError:
        raise UsageError("--onnx needs packages that are not installed: pip install 'neural-suite[onnx]'") from None


def write(path: Path, model: keras.Model) -> None:
    """Convert the core; the converter may raise any exception."""
    with native_log_silenced(), warnings.catch_warnings():
        # Keras's patch of the converter uses names that NumPy has removed.
        warnings.simplefilter("ignore")
        model.export(path, format="onnx", verbose=False, input_signature=[model.input])


def run(path: Path, core: dict[str, np.ndarray], output: str) -> Any:
    """The file's output of that name (N, K) for the core's inputs."""
    from onnxruntime import InferenceSession

    session = InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run([output], {one.name: core[one.name] for one in session.get_inputs()})[0]
