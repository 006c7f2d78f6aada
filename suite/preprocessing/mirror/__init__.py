"""Preprocessing in NumPy: raw inputs to the core's inputs, for engines and tools without TensorFlow.

`suite.preprocessing.graph` builds the same from the same specification inside a TensorFlow graph; a version is
served by an engine that uses the mirror only after both were compared on real rows.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from suite.preprocessing.mirror import table, text

Arrays = dict[str, np.ndarray]


def load(spec: dict[str, Any]) -> Callable[[Arrays], Arrays]:
    """A function from raw inputs, by name, to the core's inputs, by name."""
    kind = spec["kind"]
    if kind == "image":
        return dict
    if kind == "text":
        return text.Mirror(spec)
    if kind == "table":
        return table.Mirror(spec)
    raise ValueError(f"unknown preprocessing kind {kind!r}")
