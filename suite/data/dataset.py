"""What every reader returns: raw inputs, labels, the rows of each split, and how they were found."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from suite.artifact import TensorSpec

SplitName = Literal["train", "validation", "test"]


@dataclass
class Dataset:
    """One data set, held once; splits are row numbers into it, so that nothing is copied.

    `inputs`: raw inputs by name, each of N rows: uint8 (N, height, width, channels) images, object (N,) str texts,
    float32 numeric and boolean columns (missing is NaN), object str categorical ones (missing is ""), float64 dates
    (seconds since 1970 UTC, missing is NaN). `y`: int32 (N,) indices into `labels`.
    `specs` describes the inputs for the card. `ignored` names columns that were read and dropped.
    `order` sorts the rows by time where they were split in time; `groups` int (N,) are those that stay together.
    `source` goes into the card (path, sha256, sizes); `detected` is printed: one finding a line.
    """

    inputs: dict[str, np.ndarray]
    y: np.ndarray
    labels: list[str]
    rows: dict[SplitName, np.ndarray]
    specs: list[TensorSpec]
    source: dict[str, Any] = field(default_factory=dict)
    detected: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    order: np.ndarray | None = None
    groups: np.ndarray | None = None

    def take(self, rows: np.ndarray | Sequence[int] | slice) -> dict[str, np.ndarray]:
        """The raw inputs of some rows."""
        return {name: values[rows] for name, values in self.inputs.items()}

    def sample(self, size: int) -> "Dataset":
        """About `size` of the rows, the same share of every split and class, at least two of each; order is kept."""
        share = size / sum(len(rows) for rows in self.rows.values())
        picked = {name: self._pick(rows, share) for name, rows in self.rows.items()}
        kept = np.concatenate(list(picked.values()))
        ends = np.cumsum([len(rows) for rows in picked.values()])
        starts = [0, *ends[:-1]]
        rows = {name: np.arange(start, end) for name, start, end in zip(picked, starts, ends, strict=True)}
        source = self.source | {"rows": {name: len(split) for name, split in rows.items()}}
        return replace(
            self,
            inputs=self.take(kept),
            y=self.y[kept],
            rows=rows,
            source=source,
            order=None if self.order is None else np.arange(len(kept)),
            groups=None if self.groups is None else self.groups[kept],
        )

    def _pick(self, rows: np.ndarray, share: float) -> np.ndarray:
        classes = [rows[self.y[rows] == label] for label in np.unique(self.y[rows])]
        return np.sort(np.concatenate([members[: max(2, round(share * len(members)))] for members in classes]))
