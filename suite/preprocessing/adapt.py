"""Preprocessing specifications learned from the training split: vocabularies, centres, scales; plain JSON values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.preprocessing.mirror import table, text

MAX_VOCABULARY = {"words": 20_000, "bigrams": 20_000, "characters": 40_000}
BINS = 32
# Rare cases are often among the highest and lowest values of a feature: bins halve towards both ends.
TAIL_SHARES = 2.0 ** -np.arange(6, 13)
MIN_TAIL_ROWS = 16
EDGE_ROWS = 100_000
MIN_LENGTH, MAX_LENGTH, MAX_CHARACTERS_LENGTH = 8, 256, 1_024


def texts(rows: Iterable[str]) -> dict[str, Any]:
    """The words, bigrams and character n-grams of at least two texts, commonest first, with their document counts.

    The lengths are such that 99% of the texts fit.
    """
    sequences = [text.words(row) for row in rows]
    length = _length([len(sequence) for sequence in sequences], MAX_LENGTH)
    vocabularies = {
        "words": _common((set(sequence) for sequence in sequences), MAX_VOCABULARY["words"]),
        "bigrams": _common((set(text.bigrams(sequence)) for sequence in sequences), MAX_VOCABULARY["bigrams"]),
        "characters": _common(
            ({run for word in sequence for run in text.characters(word)} for sequence in sequences),
            MAX_VOCABULARY["characters"],
        ),
    }
    runs = [sum(len(text.characters(word)) for word in sequence) for sequence in sequences]
    return {
        "kind": "text",
        "length": length,
        "characters_length": _length(runs, MAX_CHARACTERS_LENGTH),
        "texts": len(sequences),
        **{name: list(counts) for name, counts in vocabularies.items()},
        "frequencies": {name: list(counts.values()) for name, counts in vocabularies.items()},
    }


def _length(lengths: list[int], most: int) -> int:
    return int(np.clip(np.percentile(lengths, 99), MIN_LENGTH, most))


def _common(items: Iterable[set[str]], most: int) -> dict[str, int]:
    counts = Counter(item for present in items for item in present)
    several = [(item, count) for item, count in counts.items() if count > 1]
    return dict(sorted(several, key=lambda pair: (-pair[1], pair[0]))[:most])


def columns(specs: Sequence[TensorSpec], inputs: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    """The centre and scale, the categories or the tokens of each column, and the bins of each feature, from `rows`."""
    learned: list[dict[str, Any]] = [
        {"name": spec.name, "kind": spec.kind} | _column(spec.kind, inputs[spec.name][rows]) for spec in specs
    ]
    spec = {"kind": "table", "columns": learned}
    some = rows[:: max(1, len(rows) // EDGE_ROWS)]
    features = table.Mirror(spec)({name: values[some] for name, values in inputs.items()}).get("features")
    return spec | {"edges": [] if features is None else [_edges(x) for x in features.T]}


def _edges(x: np.ndarray) -> list[float]:
    """The bounds of up to 32 bins of equally many rows, the first and the last divided further; at least one bin."""
    tails = TAIL_SHARES[TAIL_SHARES * len(x) >= MIN_TAIL_ROWS]
    shares = np.sort(np.concatenate([np.linspace(0, 1, BINS + 1), tails, 1 - tails]))
    edges = np.unique(np.quantile(x, shares).astype(np.float32))
    edges = edges[np.diff(edges, prepend=-np.inf) >= table.GRID]
    return [float(edge) for edge in (edges if len(edges) > 1 else (edges[0], edges[0] + 1))]


def _column(kind: str, x: np.ndarray) -> dict[str, Any]:
    if kind == "categorical":
        return {"vocabulary": sorted({value for value in x if value != ""})}
    if kind == "text":
        return texts(x)
    if kind == "boolean":
        return {}
    known = x[~np.isnan(x)].astype(np.float64)
    wide = {"dtype": "float64"} if kind == "numeric" and x.dtype == np.float64 else {}
    if not len(known):
        return {"centre": 0.0, "scale": 1.0, "mark_missing": True} | wide
    low, centre, high = np.percentile(known, [25, 50, 75])
    # The quartiles are equal where half of the values are: then the standard deviation is the scale.
    scale = (high - low) / 1.349 or known.std() or 1.0
    return {"centre": float(centre), "scale": float(scale), "mark_missing": len(known) < len(x)} | wide
