"""TensorFlow: runs any SavedModel through its signatures, after checking that its graph is safe."""

import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.engines import base
from serving.engines.base import Arrays, blank, in_parts, padded
from serving.engines.graph_safety import check_graph
from serving.engines.saved_model import read_signatures
from serving.signature import DEFAULT, Signature, Tensor, in_words
from suite.artifact import SAVED_MODEL, Card
from suite.config import cores
from suite.errors import SuiteError

BATCHES = (1, 2, 4, 8, 16, 32, 64)
# Positions in the graph or in files, which are of no use to a client.
POSITIONS = re.compile(r"\[\[.*?\]\](?!\])|\{\{.*?\}\}|\[Op:.*?\]|(?:/[\w.+-]+){2,}", re.DOTALL)
FIRST_OF_SEVERAL = re.compile(r"^\s*\(0\) [A-Z_]+: (.*)", re.MULTILINE)
MAX_REASON = 200


def load(folder: Path, card: Card | None, threads: int) -> "TensorFlow":
    """Load the SavedModel in `folder` and warm it up if it has a card; raise SuiteError if it is damaged or refused."""
    tf = _tensorflow(threads)
    graph = check_graph(folder / SAVED_MODEL)
    try:
        signatures = read_signatures(graph)
        # A missing name, a broken checkpoint and an unknown operation each raise a different class.
        engine = TensorFlow(tf, tf.saved_model.load(folder, tags=_tags(graph)), signatures, _default(signatures), card)
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
    """One signature of a SavedModel.

    A model with a card runs in a few batch sizes, which are tried when it is loaded. A model without a card gets its
    inputs unchanged: its rows may depend on each other, and its graph decides whether it accepts shapes that differ
    from the signature.
    """

    name = "tf"
    light = False

    def __init__(
        self, tf: Any, loaded: Any, signatures: Mapping[str, Signature], name: str, card: Card | None = None
    ) -> None:
        self._tf = tf
        # Keep a reference: the signature's function does not keep the model's variables alive.
        self._loaded = loaded
        self._function = loaded.signatures[name]
        self._name = name
        self.signatures = signatures
        self.signature = signatures[name]
        self.concurrency = cores()
        self.batches = BATCHES if card else ()
        self.part_rows = BATCHES[-1] if card else 0
        self._has_card = card is not None
        self._tensors = {spec.name: spec.tensor for spec in card.inputs} if card else {}

    def for_signature(self, name: str) -> "TensorFlow":
        return self if name == self._name else TensorFlow(self._tf, self._loaded, self.signatures, name)

    def batch_key(self, raw: Arrays) -> Hashable:
        if self._has_card:
            return base.batch_key(raw)
        tensors = (*self.signature.inputs.values(), *self.signature.outputs.values())
        is_by_row = all(tensor.shape and tensor.shape[0] is None for tensor in tensors)
        return base.batch_key(raw) if is_by_row and not self._misshapen(raw) else None

    def run(self, raw: Arrays) -> Arrays:
        return in_parts(self._run, raw, self.batches) if self.batches else self._call(raw)

    def _run(self, raw: Arrays, rows: int) -> Arrays:
        return self._call(padded(raw, rows))

    def _call(self, raw: Arrays) -> Arrays:
        tensors = {self._tensors.get(name, name): x for name, x in raw.items()}
        dtypes = self.signature.inputs
        try:
            outputs = self._function(**{name: self._tf.constant(x, dtypes[name].dtype) for name, x in tensors.items()})
        except (self._tf.errors.OpError, ValueError, TypeError) as error:
            raise SuiteError(self._refusal(raw, error)) from error
        return {name: _array(x) for name, x in outputs.items()}

    def _refusal(self, raw: Arrays, error: Exception) -> str:
        """Return in one line why the graph refused these inputs."""
        words = "the model could not be run on these inputs"
        if self._has_card:
            return f"{words}: their values or shapes do not suit it"
        reason = _reason(getattr(error, "message", None) or str(error)) or type(error).__name__
        return f"{words} ({reason}){''.join(self._misshapen(raw))}"

    def _misshapen(self, raw: Arrays) -> list[str]:
        """Return the inputs whose shapes differ from the signature, each with its expected and its actual shape."""
        return [
            f"; '{name}': expected shape {in_words(tensor.shape)}, found {in_words(raw[name].shape)}"
            for name, tensor in self.signature.inputs.items()
            if name in raw and not _fits(raw[name].shape, tensor)
        ]

    def close(self) -> None:
        self._loaded = self._function = None


def _tensorflow(threads: int) -> Any:
    """Import TensorFlow, without a GPU and without log messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        # TensorFlow has already run in this process (a notebook, a test) and keeps its threads.
        pass
    return tf


def _tags(graph: Any) -> list[str] | None:
    """Return the tags of the graph for serving, if there are several graphs."""
    return ["serve"] if len(graph.meta_graphs) > 1 else None


def _default(signatures: Mapping[str, Signature]) -> str:
    """Return the signature for requests that name none; raise SuiteError if no signature can be used."""
    able = [name for name, signature in signatures.items() if not signature.complaint]
    if DEFAULT in signatures and DEFAULT not in able:
        raise SuiteError(signatures[DEFAULT].complaint)
    if not able:
        complaints = "; ".join(one.complaint for one in signatures.values()) or "it has none"
        raise SuiteError(f"the SavedModel has no signature that can be asked ({complaints}): export it with one")
    return DEFAULT if DEFAULT in able else able[0]


def _reason(message: str) -> str:
    """Return the last line of a message of TensorFlow, which comes after any stack trace."""
    several = FIRST_OF_SEVERAL.search(message)
    lines = POSITIONS.sub(" ", several[1] if several else message).splitlines()
    words = [" ".join(line.split()).strip(" .:") for line in lines]
    return next((line for line in reversed(words) if line), "")[:MAX_REASON]


def _fits(shape: tuple[int, ...], tensor: Tensor) -> bool:
    expected = shape if tensor.shape is None else tensor.shape
    return len(expected) == len(shape) and all(a in (None, b) for a, b in zip(expected, shape, strict=True))


def _array(x: Any) -> np.ndarray:
    """Return an output as an array in one of NumPy's own dtypes; TensorFlow returns scalars as numbers or bytes."""
    if x.dtype.name == "string":
        return np.asarray(x.numpy(), object)
    return np.asarray(x.numpy(), np.float32 if x.dtype.name == "bfloat16" else None)
