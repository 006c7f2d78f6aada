"""What preprocessing learns from the training split: vocabularies, centres and scales, as plain JSON values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from suite.artifact import TensorSpec
from suite.preprocessing.mirror import text

VOCABULARY = 20_000


def texts(rows: Sequence[str]) -> dict[str, Any]:
    """Words and bigrams seen at least twice, commonest first, and a length that holds 99% of the texts whole."""
    sequences = [text.words(row) for row in rows]
    length = int(np.clip(np.percentile([len(sequence) for sequence in sequences], 99), 8, 256))
    return {
        "kind": "text",
        "length": length,
        "words": _common(word for sequence in sequences for word in sequence),
        "bigrams": _common(pair for sequence in sequences for pair in text.bigrams(sequence)),
    }


def _common(items: Iterable[str]) -> list[str]:
    counts = [(item, count) for item, count in Counter(items).items() if count > 1]
    return [item for item, _ in sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:VOCABULARY]]


def columns(specs: Sequence[TensorSpec], inputs: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    """Each column's centre and scale, or its categories, from the given rows."""
    learned = [{"name": spec.name, "kind": spec.kind} | _column(spec.kind, inputs[spec.name][rows]) for spec in specs]
    return {"kind": "table", "columns": learned}


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
