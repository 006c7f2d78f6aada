"""ONNX Runtime: a light engine. Preprocessing runs in NumPy and the core in a session, without TensorFlow."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving import signature
from serving.engines import light
from serving.engines.base import Arrays, OneSignature, in_parts, padded
from suite.artifact import Card
from suite.config import cores
from suite.errors import SuiteError, UsageError

try:
    from onnxruntime import InferenceSession, SessionOptions
    from onnxruntime.capi import onnxruntime_pybind11_state as native
except ImportError:
    raise UsageError("the engine 'onnx' needs a package that is not there: pip install 'neural-suite[onnx]'") from None

# The errors of the runtime have no common base class.
ERRORS = (
    native.Fail, native.InvalidArgument, native.InvalidGraph, native.InvalidProtobuf, native.NotImplemented,
    native.RuntimeException,
)  # fmt: skip
DTYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}  # fmt: skip
MAX_ROWS = 64


def load(folder: Path, card: Card | None, threads: int) -> "ONNX":
    """Load the core in `folder` and its preprocessing, and try it on a blank row; raise SuiteError if that fails."""
    return light.load("onnx", folder, card, lambda content, card: ONNX(content, card, threads), (*ERRORS, SuiteError))


class ONNX(OneSignature):
    """One session, which any number of threads may use at once."""

    name = "onnx"
    concurrency = cores()
    light = True
    batches = ()

    def __init__(self, content: bytes, card: Card, threads: int) -> None:
        self.signature = signature.of_card(card)
        self._preprocess = light.preprocessing(card)
        self._session = InferenceSession(content, _options(threads), providers=["CPUExecutionProvider"])
        self._dtypes = {one.name: DTYPES[one.type] for one in self._session.get_inputs()}
        self._outputs = [spec.name for spec in card.outputs]
        self._sizes = _sizes(self._session.get_inputs())
        self.part_rows = self._sizes[-1]

    def run(self, raw: Arrays) -> Arrays:
        return in_parts(self._run, raw, self._sizes)

    def _run(self, raw: Arrays, rows: int) -> Arrays:
        core = padded(self._preprocess(raw), rows)
        given = {name: core[name].astype(dtype, copy=False) for name, dtype in self._dtypes.items()}
        try:
            outputs = self._session.run(self._outputs, given)
        except ERRORS as error:
            raise SuiteError(
                "the model could not be run on these inputs: their values or shapes do not suit it"
            ) from error
        return dict(zip(self._outputs, outputs, strict=True))

    def close(self) -> None:
        self._session = None


def _options(threads: int) -> SessionOptions:
    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Do not print errors, because they are raised as well.
    options.log_severity_level = 4
    # Busy waiting would take cores away from threads that read requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # By default, external weights are searched for in the working directory.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    return options


def _sizes(inputs: list[Any]) -> Sequence[int]:
    """Return the batch sizes that the model accepts: a fixed one, or any up to MAX_ROWS."""
    fixed = {one.shape[0] for one in inputs if isinstance(one.shape[0], int)}
    return sorted(fixed) if fixed else range(1, MAX_ROWS + 1)
