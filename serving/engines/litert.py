"""LiteRT: the light engine. Preprocessing runs in NumPy, the core in an interpreter; TensorFlow is never imported."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from serving import signature
from serving.config import cores
from serving.engines import Arrays, in_parts, light
from suite.artifact import Card

SIGNATURE = "serving_default"
BATCHES = (1, 8, 64)


def load(folder: Path, card: Card | None, threads: int) -> "LiteRT":
    """The core of `folder` with its mirror, tried on a blank row; SuiteError when it does not run."""
    return light.load("litert", folder, card, lambda content, card: LiteRT(content, card, threads))


class LiteRT:
    """A core in as many interpreters as run at once, for each of a few batch sizes; larger batches run in parts."""

    name = "litert"
    light = True
    batches = BATCHES

    def __init__(self, content: bytes, card: Card, threads: int) -> None:
        self.signature = signature.of_card(card)
        self._preprocess = light.preprocessing(card)
        self._pools = {rows: _Pool(content, rows, threads) for rows in BATCHES}

    def run(self, raw: Arrays) -> Arrays:
        return in_parts(self._run, raw, BATCHES)

    def _run(self, raw: Arrays) -> Arrays:
        core = self._preprocess(raw)
        with self._pools[len(next(iter(raw.values())))].borrow() as batch:
            return batch.run(core)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.clear()


class _Batch:
    """One interpreter with its tensors laid out for one batch size; one thread at a time."""

    def __init__(self, content: bytes, rows: int, threads: int) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._inputs, self._outputs = _details(self._interpreter)
        for detail in self._inputs.values():
            self._interpreter.resize_tensor_input(detail["index"], [rows, *detail["shape"][1:]])
        self._interpreter.allocate_tensors()

    def run(self, core: Arrays) -> Arrays:
        """Copies of the outputs."""
        for name, detail in self._inputs.items():
            self._interpreter.set_tensor(detail["index"], core[name].astype(detail["dtype"], copy=False))
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(detail["index"]) for name, detail in self._outputs.items()}


def _details(interpreter: Interpreter) -> tuple[dict[str, Any], dict[str, Any]]:
    """Its inputs and outputs by name. An interpreter refuses to work while the signature's runner is alive."""
    runner = interpreter.get_signature_runner(SIGNATURE)
    return runner.get_input_details(), runner.get_output_details()


class _Pool:
    """Interpreters of one batch size, made when first needed; callers beyond one a core wait for a free one."""

    def __init__(self, content: bytes, rows: int, threads: int) -> None:
        self._arguments = (content, rows, threads)
        self._turns = BoundedSemaphore(cores())
        self._free: deque[_Batch] = deque()

    @contextmanager
    def borrow(self) -> Iterator[_Batch]:
        with self._turns:
            try:
                batch = self._free.pop()
            except IndexError:
                batch = _Batch(*self._arguments)
            yield batch
            # Not after an error: an interpreter that failed is in an unknown state.
            self._free.append(batch)

    def clear(self) -> None:
        self._free.clear()
