"""What preprocessing learns from the training split: vocabularies, centres and scales, as plain JSON values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.preprocessing.mirror import table, text

MOST = {"words": 20_000, "bigrams": 20_000, "characters": 40_000}
BINS = 32
# What is rare is often found among the few rows of a feature's highest and lowest values: bins halve towards the ends.
TAILS = 2.0 ** -np.arange(6, 13)
FEWEST_OF_TAIL = 16
EDGE_ROWS = 100_000
LONGEST, LONGEST_CHARACTERS = 256, 1_024


def texts(rows: Sequence[str]) -> dict[str, Any]:
    """Words, bigrams and runs of characters that at least two texts hold, commonest first, and in how many they are.

    The lengths hold 99% of the texts whole.
    """
    sequences = [text.words(row) for row in rows]
    length = _length([len(sequence) for sequence in sequences], LONGEST)
    found = {
        "words": _common((set(sequence) for sequence in sequences), MOST["words"]),
        "bigrams": _common((set(text.bigrams(sequence)) for sequence in sequences), MOST["bigrams"]),
        "characters": _common(
            ({run for word in sequence for run in text.characters(word)} for sequence in sequences), MOST["characters"]
        ),
    }
    runs = [sum(len(text.characters(word)) for word in sequence) for sequence in sequences]
    return {
        "kind": "text",
        "length": length,
        "characters_length": _length(runs, LONGEST_CHARACTERS),
        "texts": len(rows),
        **{name: list(counts) for name, counts in found.items()},
        "frequencies": {name: list(counts.values()) for name, counts in found.items()},
    }


def _length(lengths: list[int], most: int) -> int:
    return int(np.clip(np.percentile(lengths, 99), 8, most))


def _common(items: Iterable[set[str]], most: int) -> dict[str, int]:
    counts = Counter(item for present in items for item in present)
    several = [(item, count) for item, count in counts.items() if count > 1]
    return dict(sorted(several, key=lambda pair: (-pair[1], pair[0]))[:most])


def columns(specs: Sequence[TensorSpec], inputs: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    """Each column's centre and scale, or its categories, and each feature's bins, from the given rows."""
    learned = [{"name": spec.name, "kind": spec.kind} | _column(spec.kind, inputs[spec.name][rows]) for spec in specs]
    found = {"kind": "table", "columns": learned}
    some = rows[:: max(1, len(rows) // EDGE_ROWS)]
    features = table.Mirror(found)({name: values[some] for name, values in inputs.items()}).get("features")
    return found | {"edges": [] if features is None else [_edges(x) for x in features.T]}


def _edges(x: np.ndarray) -> list[float]:
    """Bounds of up to 32 bins that hold as many rows each, the first and the last one parted further; at least one."""
    tails = TAILS[TAILS * len(x) >= FEWEST_OF_TAIL]
    shares = np.sort(np.concatenate([np.linspace(0, 1, BINS + 1), tails, 1 - tails]))
    edges = np.unique(np.quantile(x, shares).astype(np.float32))
    return [float(edge) for edge in (edges if len(edges) > 1 else (edges[0], edges[0] + 1))]


def _column(kind: str, x: np.ndarray) -> dict[str, Any]:
    if kind == "categorical":
        return {"vocabulary": sorted({value for value in x if value != ""})}
    if kind == "boolean":
        return {}
    known = x[~np.isnan(x)].astype(np.float64)
    if not len(known):
        return {"centre": 0.0, "scale": 1.0, "mark_missing": True}
    low, centre, high = np.percentile(known, [25, 50, 75])
    # Where half of the values are one and the same the quartiles say nothing, and the deviation has to do.
    scale = (high - low) / 1.349 or known.std() or 1.0
    return {"centre": float(centre), "scale": float(scale), "mark_missing": len(known) < len(x)}
