"""Compares engines of one model: whether their outputs agree, and how fast they are."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from suite.artifact import Card, TensorSpec

if TYPE_CHECKING:
    from serving.engines.base import Arrays, Engine

# Numbers count as equal if they differ by at most this; numbers of a scale of their own, by this share of it.
TOLERANCE = 1e-3
ROWS = 4
TEXT = "a good day"
# Measuring ends after SECONDS or after MAX_ROUNDS, whichever comes first.
SECONDS, MAX_ROUNDS = 0.1, 50


def scale_of(card: Card | None) -> float:
    """Return the scale of a model's outputs: of numbers in units of their own, and 1 of others."""
    return float(card.target.get("scale", 1.0)) if card else 1.0


def same(one: "Arrays", other: "Arrays", scale: float = 1.0) -> bool:
    """Return whether two outputs, of numbers of this scale, are the same within the tolerance."""
    return one.keys() == other.keys() and all(_alike(x, other[name], scale) for name, x in one.items())


def _alike(x: np.ndarray, y: np.ndarray, scale: float) -> bool:
    if x.shape != y.shape:
        return False
    if x.dtype.kind != "f":
        return bool((x == y).all())
    return bool(np.allclose(x, y, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def examples(card: Card) -> "list[Arrays]":
    """Return random raw inputs of one row each, always the same ones, for trying engines."""
    generator = np.random.default_rng(0)
    return [{spec.name: _arbitrary(spec, generator) for spec in card.inputs} for _ in range(ROWS)]


def _arbitrary(spec: TensorSpec, generator: np.random.Generator) -> np.ndarray:
    shape = (1, *spec.shape)
    if spec.dtype == "string":
        return np.full(shape, TEXT, object)
    if spec.dtype == "uint8":
        return generator.integers(0, 256, shape, np.uint8)
    return generator.normal(size=shape).astype(spec.dtype)


def agree(engines: "Sequence[Engine]", rows: "Sequence[Arrays]", scale: float = 1.0) -> bool:
    """Return whether all engines give the same outputs, of numbers of this scale, for each row."""
    first, *others = engines
    for row in rows:
        expected = first.run(row)
        if not all(same(expected, engine.run(row), scale) for engine in others):
            return False
    return True


def milliseconds(engines: "Sequence[Engine]", rows: "Sequence[Arrays]") -> dict[str, float]:
    """Return the median milliseconds for one row by engine. Engines take turns, so that noise affects all alike."""
    taken: dict[str, list[float]] = {engine.name: [] for engine in engines}
    end = perf_counter() + SECONDS
    for number in range(MAX_ROUNDS):
        for engine in engines:
            begun = perf_counter()
            engine.run(rows[number % len(rows)])
            taken[engine.name].append(perf_counter() - begun)
        if perf_counter() > end:
            break
    return {name: round(1000 * float(np.median(seconds)), 4) for name, seconds in taken.items()}
