"""Numbers that differ by little more than what float32 changes them by, such as seconds since 1970, stay float64."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from suite.artifact import TensorSpec
from suite.data.column import Column
from suite.data.evidence import spread

# A type may change a number by at most this share of the column's spread.
MAX_ROUNDING = 0.01
# The share of a number by which float64 may have changed it.
FLOAT64_ROUNDING = 2.0**-53


def may_need_float64(column: Column) -> bool:
    """Whether a numeric column is to be read as float64 first, by its profile."""
    return bool(column.form) or column.rounding > MAX_ROUNDING * (column.first_spread or 0.0)


def settle(specs: Sequence[TensorSpec], inputs: dict[str, np.ndarray]) -> tuple[list[TensorSpec], list[str]]:
    """The specs of columns that were read, float64 for those that need it, and notes on these.

    Other columns of numbers that were read as float64 become float32 in `inputs`.
    """
    settled, wide, lost = [], [], []
    for spec in specs:
        x = inputs[spec.name]
        if spec.kind == "numeric" and x.dtype == np.float64:
            known = x[~np.isnan(x)]
            allowed = MAX_ROUNDING * spread(known)
            if np.abs(known - known.astype(np.float32)).max(initial=0) > allowed:
                spec = replace(spec, dtype="float64")
                wide.append(spec.name)
            else:
                inputs[spec.name] = x.astype(np.float32)
            if np.abs(known).max(initial=0) * FLOAT64_ROUNDING > allowed:
                lost.append(spec.name)
        settled.append(spec)
    notes = [f"numbers kept as float64, since float32 holds only about seven digits: {', '.join(wide)}"] if wide else []
    if lost:
        notes.append(f"digits lost, since float64 holds about sixteen: {', '.join(lost)}; subtract a constant")
    return settled, notes
