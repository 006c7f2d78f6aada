"""The result of every reader: raw inputs, labels, the rows of each split, and notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from suite.artifact import TensorSpec
from suite.data import truth

if TYPE_CHECKING:
    from suite.preprocessing.mirror.image import Form

SplitName = Literal["train", "validation", "test"]


@dataclass
class Dataset:
    """A data set, held in memory once; splits are row numbers, so that nothing is copied.

    `inputs`: raw inputs by name, each of N rows: uint8 (N, height, width, channels) images, object (N,) str texts,
    float32 numeric and boolean columns (missing is NaN), float64 numeric ones that would lose their digits, object str
    categorical and text ones (missing is ""), float64 dates (seconds since 1970 UTC, missing is NaN). `y`: int32 (N,)
    indices into `labels`; float64 (N,) numbers to predict where there are no labels; bool (N, labels) which of several
    hold.
    `specs` describes the inputs for the card. `ignored` names columns that were read and dropped.
    `order` sorts the rows by time if they are split in time; rows of one of `groups`, int (N,), are in one split.
    `files` names the file of each row, if rows are files; it may end before the last row.
    `picture` is the form that pictures were given, if any are among the inputs.
    `source` goes into the card (path, sha256, sizes); `detected` holds what the reader detected, a line each.
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
    picture: "Form | None" = None
    files: Sequence[str] = ()

    @property
    def known_rows(self) -> np.ndarray:
        """The rows for training and for validation together, each once, ascending."""
        return np.union1d(self.rows["train"], self.rows["validation"])

    def file_of(self, row: int) -> str:
        """The name of a row's file; empty if it has none."""
        return self.files[row] if row < len(self.files) else ""

    def take(self, rows: np.ndarray | Sequence[int] | slice) -> dict[str, np.ndarray]:
        """The raw inputs of some rows."""
        return {name: values[rows] for name, values in self.inputs.items()}

    def sample(self, size: int) -> "Dataset":
        """About `size` of the rows in the same order: the same share of each class of each split, at least two rows."""
        share = size / sum(len(rows) for rows in self.rows.values())
        sampled = {name: self._sample_rows(rows, share) for name, rows in self.rows.items()}
        kept = np.concatenate(list(sampled.values()))
        ends = np.cumsum([len(rows) for rows in sampled.values()])
        starts = [0, *ends[:-1]]
        rows = {name: np.arange(start, end) for name, start, end in zip(sampled, starts, ends, strict=True)}
        source = self.source | {"rows": {name: len(split) for name, split in rows.items()}}
        return replace(
            self,
            inputs=self.take(kept),
            y=self.y[kept],
            rows=rows,
            source=source,
            order=None if self.order is None else np.arange(len(kept)),
            groups=None if self.groups is None else self.groups[kept],
            files=[self.file_of(int(row)) for row in kept] if self.files else (),
        )

    def _sample_rows(self, rows: np.ndarray, share: float) -> np.ndarray:
        if not self.labels:
            return rows[: max(2, round(share * len(rows)))]
        of_rows = truth.strata(self.y[rows])
        classes = [rows[of_rows == label] for label in np.unique(of_rows)]
        return np.sort(np.concatenate([members[: max(2, round(share * len(members)))] for members in classes]))
