"""TensorFlow: runs any SavedModel through its serving signature, after a look at what its graph would do."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.config import cores
from serving.engines.base import Arrays, blank, in_parts
from serving.engines.graph_safety import check_graph
from serving.signature import Signature, Tensor
from suite.artifact import SAVED_MODEL, Card
from suite.errors import SuiteError

SIGNATURE = "serving_default"
BATCHES = (1, 2, 4, 8, 16, 32, 64)
DTYPES = (
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool",
    "string",
)  # fmt: skip


def load(folder: Path, card: Card | None, threads: int) -> "TensorFlow":
    """The SavedModel in `folder`, warmed where a card tells its inputs; SuiteError when it is damaged or refused."""
    tf = _tensorflow(threads)
    check_graph(folder / SAVED_MODEL)
    try:
        # A name that is not there, a broken checkpoint or an unknown op each raise another class.
        engine = TensorFlow(tf, tf.saved_model.load(folder), card)
        if card:
            for rows in BATCHES:
                engine.run(blank(card, rows))
    except SuiteError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise SuiteError(f"{folder} cannot be loaded ({reason}): save the model again") from error
    return engine


class TensorFlow:
    """A SavedModel's signature. A model with a card is run at a few batch sizes; one without is run as it is."""

    name = "tf"
    concurrency = cores()
    light = False

    def __init__(self, tf: Any, loaded: Any, card: Card | None) -> None:
        self._tf = tf
        # The signature's function does not keep the model's variables alive.
        self._loaded = loaded
        self._function = _signature_function(loaded.signatures)
        self.signature = _describe(self._function)
        _check_inputs(self.signature)
        # Rows of an unknown model may depend on one another.
        self.batches = BATCHES if card else ()
        self._tensors = {spec.name: spec.tensor for spec in card.inputs} if card else {}

    def run(self, raw: Arrays) -> Arrays:
        return in_parts(self._call, raw, self.batches) if self.batches else self._call(raw)

    def _call(self, raw: Arrays) -> Arrays:
        tensors = {self._tensors.get(name, name): x for name, x in raw.items()}
        dtypes = self.signature.inputs
        try:
            outputs = self._function(**{name: self._tf.constant(x, dtypes[name].dtype) for name, x in tensors.items()})
        except self._tf.errors.OpError as error:
            raise SuiteError(
                "the model could not be run on these inputs: their values or shapes do not suit it"
            ) from error
        return {name: x.numpy() for name, x in outputs.items()}

    def close(self) -> None:
        self._loaded = self._function = None


def _tensorflow(threads: int) -> Any:
    """TensorFlow on the processor with that many threads, silent."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        # TensorFlow was already at work in this process (a notebook, a test): it keeps its threads.
        pass
    return tf


def _signature_function(signatures: Mapping[str, Any]) -> Any:
    if SIGNATURE in signatures:
        return signatures[SIGNATURE]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    found = ", ".join(sorted(signatures)) or "none"
    raise SuiteError(f"the SavedModel has no signature '{SIGNATURE}' (it has {found}): export it with one")


def _describe(function: Any) -> Signature:
    _, inputs = function.structured_input_signature
    return Signature(_tensors(inputs), _tensors(function.structured_outputs))


def _check_inputs(signature: Signature) -> None:
    """SuiteError for an input that a request cannot fill row by row."""
    for name, tensor in signature.inputs.items():
        if tensor.shape == ():
            raise SuiteError(f"the input '{name}' has no batch axis: export the model with one")
        if tensor.dtype not in DTYPES:
            raise SuiteError(f"the input '{name}' is {tensor.dtype}, which JSON cannot hold: export it as float32")


def _tensors(specs: Mapping[str, Any]) -> dict[str, Tensor]:
    return {
        name: Tensor(spec.dtype.name, None if spec.shape.rank is None else tuple(spec.shape.as_list()))
        for name, spec in sorted(specs.items())
    }
