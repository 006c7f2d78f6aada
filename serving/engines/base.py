"""The interface of engines, which turn a model's raw inputs by name into outputs by name."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol, Self

import numpy as np

from serving import signature
from serving.signature import Signature
from suite.artifact import Card

Arrays = dict[str, np.ndarray]


class Engine(Protocol):
    """A loaded model. `run` may be called from several threads at once.

    A `light` engine is so fast that requests are better run one by one than in batches. `concurrency` is how many calls
    of `run` can make progress at the same time; further calls only wait.
    """

    name: str
    light: bool
    concurrency: int

    @property
    def batches(self) -> tuple[int, ...]:
        """The supported batch sizes, ascending; other sizes are padded. Empty if it runs any size."""
        ...

    @property
    def part_rows(self) -> int:
        """The number of rows of each part in which `run` computes large inputs; 0 if it computes them as a whole."""
        ...

    @property
    def signature(self) -> Signature:
        """The inputs and outputs of `run`."""
        ...

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """All signatures of the model by name, including this one."""
        ...

    def for_signature(self, name: str) -> "Engine":
        """Return the same model with another of its signatures, which must have no complaint; raise KeyError."""
        ...

    def batch_key(self, raw: Arrays) -> Hashable:
        """Return a key that is equal for requests that may share a batch; None for a request that must run alone."""
        ...

    def run(self, raw: Arrays) -> Arrays:
        """Return the outputs for raw inputs, which all have the same number of rows, at least one."""
        ...

    def close(self) -> None:
        """Free the resources of the model."""
        ...


class OneSignature:
    """Base class for engines of models with a card: one signature, and rows that do not depend on each other."""

    signature: Signature

    @property
    def signatures(self) -> Mapping[str, Signature]:
        return {signature.DEFAULT: self.signature}

    def for_signature(self, name: str) -> Self:
        if name != signature.DEFAULT:
            raise KeyError(name)
        return self

    def batch_key(self, raw: Arrays) -> Hashable:
        return batch_key(raw)


def batch_key(raw: Arrays) -> Hashable:
    """Return names, dtypes and shapes without the number of rows."""
    return tuple((name, x.dtype, x.shape[1:]) for name, x in raw.items())


def count_rows(raw: Arrays) -> int:
    """Return the number of rows of raw inputs, ignoring inputs without a batch axis."""
    return next((len(x) for x in raw.values() if x.ndim), 1)


def in_parts(run: Callable[[Arrays, int], Arrays], raw: Arrays, sizes: Sequence[int]) -> Arrays:
    """Run all rows in batches of the given sizes, and return their outputs.

    `run` gets up to as many rows as the batch size that it is called with, and pads them to that size. It does so
    after preprocessing, which therefore only ever sees rows of the request.
    """
    rows, step = count_rows(raw), sizes[-1]
    if rows in sizes:
        return run(raw, rows)
    parts = []
    for start in range(0, rows, step):
        part = {name: x[start : start + step] for name, x in raw.items()}
        count = min(step, rows - start)
        outputs = run(part, next(size for size in sizes if size >= count))
        parts.append({name: x[:count] for name, x in outputs.items()})
    return joined(parts)


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Return the rows of all parts, in their order."""
    return parts[0] if len(parts) == 1 else {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def padded(arrays: Arrays, rows: int) -> Arrays:
    """Return arrays with blank rows added up to `rows`.

    Copies of a row of the request would cost as much as that row, so that one long text would be paid for many times.
    """
    missing = rows - count_rows(arrays)
    if not missing:
        return arrays
    return {name: np.concatenate([x, _blank((missing, *x.shape[1:]), x.dtype)]) for name, x in arrays.items()}


def blank(card: Card, rows: int) -> Arrays:
    """Return raw inputs of zeros and empty texts, for trying a model."""
    dtypes = {spec.name: np.dtype(object if spec.dtype == "string" else spec.dtype) for spec in card.inputs}
    return {spec.name: _blank((rows, *spec.shape), dtypes[spec.name]) for spec in card.inputs}


def _blank(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.full(shape, "", object) if dtype.kind == "O" else np.zeros(shape, dtype)
