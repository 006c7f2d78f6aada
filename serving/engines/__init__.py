"""Engines run a model: raw inputs, by name, in; outputs, by name, out. Nothing here knows of HTTP."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from serving.signature import Signature
from suite.artifact import Card
from suite.errors import SuiteError, UsageError, unknown

Arrays = dict[str, np.ndarray]

AUTO = "auto"
FASTEST_FIRST = ("litert", "tf")


class Engine(Protocol):
    """A loaded model. `run` may be called from several threads at once."""

    name: str
    # Whether it takes so little time that requests are better run one by one than together.
    light: bool

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    def run(self, raw: Arrays) -> Arrays:
        """Outputs for raw inputs, all with the same number of rows, at least one."""
        ...

    def close(self) -> None:
        """Free what the model holds."""
        ...


def choose(card: Card | None, engine: str = AUTO) -> str:
    """The engine's name: the fastest that the card lists, or the wanted one; UsageError if it cannot run the model."""
    listed = [name for name in FASTEST_FIRST if name in card.engines] if card else ["tf"]
    if engine == AUTO:
        if not listed:
            raise SuiteError("the card lists no engine that this service knows: fit the model again")
        return listed[0]
    if engine not in FASTEST_FIRST:
        raise unknown("engine", engine, [AUTO, *FASTEST_FIRST])
    if engine not in listed:
        raise UsageError(f"this model cannot run on '{engine}': it was saved for {', '.join(listed) or 'no engine'}")
    return engine


def load(folder: Path, card: Card | None, engine: str = AUTO, threads: int = 1) -> Engine:
    """The model in `folder`, ready to run with `threads` cores a call; SuiteError when it is damaged or refused."""
    module = import_module(f"serving.engines.{choose(card, engine)}")
    loaded: Engine = module.load(folder, card, threads)
    return loaded


def in_parts(run: Callable[[Arrays], Arrays], raw: Arrays, sizes: Sequence[int]) -> Arrays:
    """What `run` answers, given only batches of the ascending sizes: rows are padded, or split and put together."""
    rows, step = len(next(iter(raw.values()))), sizes[-1]
    parts = []
    for start in range(0, rows, step):
        part = {name: x[start : start + step] for name, x in raw.items()}
        count = min(step, rows - start)
        size = next(size for size in sizes if size >= count)
        outputs = run({name: _pad(x, size) for name, x in part.items()})
        parts.append({name: x[:count] for name, x in outputs.items()})
    return parts[0] if len(parts) == 1 else {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _pad(array: np.ndarray, rows: int) -> np.ndarray:
    """The array with its last row repeated up to `rows`."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def blank(card: Card, rows: int) -> Arrays:
    """Raw inputs with nothing in them, to try a model on."""
    return {spec.name: _blank((rows, *spec.shape), spec.dtype) for spec in card.inputs}


def _blank(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.full(shape, "", object) if dtype == "string" else np.zeros(shape, dtype)
