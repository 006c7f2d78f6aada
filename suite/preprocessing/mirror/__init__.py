"""Preprocessing in NumPy, for engines and tools without TensorFlow.

`suite.preprocessing.graph` does the same in a TensorFlow graph, from the same specification. An engine that uses the
mirror serves a model only if both gave the same answers on real rows.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from suite.preprocessing.mirror import table, text

Arrays = dict[str, np.ndarray]


def load(spec: dict[str, Any]) -> Callable[[Arrays], Arrays]:
    """The function of a specification: from raw inputs, by name, to the core's inputs, by name."""
    kind = spec["kind"]
    if kind == "image":
        return dict
    if kind == "text":
        return text.Mirror(spec)
    if kind == "table":
        return table.Mirror(spec)
    raise ValueError(f"unknown preprocessing kind {kind!r}")
