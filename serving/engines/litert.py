"""LiteRT: a light engine. Preprocessing runs in NumPy and the core in an interpreter, without TensorFlow."""

from pathlib import Path
from threading import Lock
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from serving import signature
from serving.engines import light
from serving.engines.base import Arrays, OneSignature, blank, in_parts, padded
from suite.artifact import Card

SIGNATURE = "serving_default"
BATCHES = (1, 8, 64)


def load(folder: Path, card: Card | None, threads: int) -> "LiteRT":
    """Load the core in `folder` and its preprocessing, and try it on a blank row; raise SuiteError if that fails."""
    return light.load("litert", folder, card, lambda content, card: LiteRT(content, card, threads))


class LiteRT(OneSignature):
    """One interpreter for each of a few batch sizes; larger batches run in parts."""

    name = "litert"
    concurrency = 1
    light = True
    # An interpreter runs one batch at a time, and nearly all requests need the same one.
    batches = BATCHES
    part_rows = BATCHES[-1]

    def __init__(self, content: bytes, card: Card, threads: int) -> None:
        self.signature = signature.of_card(card)
        self._preprocess = light.preprocessing(card)
        self._batches = {rows: _Batch(content, rows, threads) for rows in BATCHES}
        # Allocates all memory now instead of during the first requests.
        for rows in BATCHES:
            self._run(blank(card, rows), rows)

    def run(self, raw: Arrays) -> Arrays:
        return in_parts(self._run, raw, BATCHES)

    def _run(self, raw: Arrays, rows: int) -> Arrays:
        return self._batches[rows].run(padded(self._preprocess(raw), rows))

    def close(self) -> None:
        self._batches.clear()


class _Batch:
    """An interpreter for one batch size. It runs one batch at a time; other threads wait."""

    def __init__(self, content: bytes, rows: int, threads: int) -> None:
        self._content, self._rows, self._threads = content, rows, threads
        self._turn = Lock()
        self._make()

    def run(self, core: Arrays) -> Arrays:
        """Return copies of the outputs."""
        with self._turn:
            try:
                return self._invoke(core)
            except Exception:
                # After an error, the state of an interpreter is unknown.
                self._make()
                raise

    def _make(self) -> None:
        self._interpreter = Interpreter(model_content=self._content, num_threads=self._threads)
        self._inputs, self._outputs = _details(self._interpreter)
        for detail in self._inputs.values():
            self._interpreter.resize_tensor_input(detail["index"], [self._rows, *detail["shape"][1:]])
        self._interpreter.allocate_tensors()

    def _invoke(self, core: Arrays) -> Arrays:
        for name, detail in self._inputs.items():
            self._interpreter.set_tensor(detail["index"], core[name].astype(detail["dtype"], copy=False))
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(detail["index"]) for name, detail in self._outputs.items()}


def _details(interpreter: Interpreter) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return inputs and outputs by name. Do not keep the runner: the interpreter does not work while it exists."""
    runner = interpreter.get_signature_runner(SIGNATURE)
    return runner.get_input_details(), runner.get_output_details()
