"""Several label columns, each of which says whether its label holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from suite.data import arrow_types
from suite.data.column import Column
from suite.data.label_column import LabelColumn
from suite.errors import SuiteError, UsageError, shortened, unknown
from suite.notation import join_names, split_names
from suite.preprocessing.mirror.values import FALSE, TRUE

MAX_LABELS, SHOWN = 1_000, 10
WRITTEN = "1 and 0, yes and no, or true and false"


@dataclass(frozen=True)
class LabelSet:
    """Profiled columns of two values as labels that hold or not, any number of them in a row."""

    members: list[LabelColumn]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(label.column for label in self.members)

    @property
    def name(self) -> str:
        """The names of all columns, as the option --label-column has them."""
        return join_names([label.name for label in self.members])

    @property
    def known(self) -> int:
        """The number of rows with labels, if each that has one has all of them."""
        return max(label.known for label in self.members)

    def empty(self, rows: int) -> np.ndarray:
        """An array for the truth of so many rows."""
        return np.empty((rows, len(self.members)), bool)

    def read_batch(self, batch: Any, labels: Sequence[str], row: int) -> tuple[np.ndarray, np.ndarray]:
        """Which rows of a batch have labels, bool (N,), and which of them hold in each of these rows.

        `row` is the number of the batch's first row. SuiteError for a row that has some of its labels.
        """
        states = np.stack([_states(label, batch) for label in self.members], axis=1)
        has_label = states >= 0
        kept = np.asarray(has_label.all(axis=1))
        partial = np.flatnonzero(has_label.any(axis=1) & ~kept)
        if len(partial):
            first = int(partial[0])
            lacking = self.members[int(has_label[first].argmin())].name
            raise SuiteError(
                f"row {row + first:,} has no value of the label '{lacking}', and has others: write whether it holds, "
                "or leave all labels of the row empty, so that it is left out"
            )
        return kept, np.asarray(states[kept] == 1)

    def notes(self) -> list[str]:
        """A note on rows without labels."""
        left_out = self.columns[0].rows - self.known
        return [f"rows without a label left out: {left_out:,}"] if left_out else []

    def describe(self, reason: str) -> list[str]:
        """What the labels are, which value means that they hold, and in how many rows they do."""
        values = [_holding(label) or "never" for label in self.members]
        if len(set(values)) == 1:
            names, meaning = [label.name for label in self.members], f"; each holds where it is {values[0]}"
        else:
            names = [f"{label.name} ({value})" for label, value in zip(self.members, values, strict=True)]
            meaning = "; in brackets the value with which each holds"
        shares = [f"{label.name} {_share(label):.1%}" for label in self.members]
        return [
            f"label columns: {_first(names)} ({reason}), {len(names):,} labels{meaning}",
            f"labels hold in these shares of the rows: {_first(shares)}",
        ]


def _first(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (", ..." if len(words) > SHOWN else "")


def _holding(label: LabelColumn) -> str:
    return next((name for name in label.counts if name.lower() in TRUE), "")


def _share(label: LabelColumn) -> float:
    return label.counts.get(_holding(label), 0) / max(1, label.known)


def _states(label: LabelColumn, batch: Any) -> np.ndarray:
    """For each row 1 where the label holds, 0 where it does not, and -1 where that is not known; int8 (N,)."""
    if label.name not in batch.schema.names:
        return np.full(batch.num_rows, -1, np.int8)
    encoded = arrow_types.strings(batch.column(label.name)).dictionary_encode()
    names = [label.names.get(text, "").lower() for text in encoded.dictionary.to_pylist()]
    states = np.array([*((name in TRUE) - (not name) for name in names), -1], np.int8)
    return np.asarray(states[encoded.indices.fill_null(pa.scalar(len(names), pa.int32())).to_numpy()])


def find(profiles: dict[str, Column], names: Sequence[str]) -> LabelSet:
    """The labels in the columns of these names; UsageError or SuiteError for a column that is no such label."""
    if len(names) > MAX_LABELS:
        raise UsageError(
            f"there are {len(names):,} label columns, and at most {MAX_LABELS:,} can be learned: name fewer"
        )
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise UsageError(f"--label-column names '{shortened(doubled)}' twice: give each column once")
    for name in names:
        if name not in profiles:
            raise unknown("column", name, list(profiles))
    return LabelSet([_label(profiles[name]) for name in names])


def no_column(wanted: str, names: Sequence[str]) -> UsageError:
    """An error for a label column that a table with these columns lacks, where the label is a single column."""
    several = split_names(wanted)
    if len(several) > 1 and all(name in names for name in several):
        return UsageError(
            "the label is one column here, and --label-column names several: use 'suite fit table', which takes "
            "several labels at once"
        )
    return unknown("column", wanted, names)


def _label(column: Column) -> LabelColumn:
    label = LabelColumn.of(column, 2)
    values = [name.lower() for name in label.counts]
    sides = [sum(value in side for value in values) for side in (TRUE, FALSE)]
    if sum(sides) == len(values) and max(sides) == 1:
        return label
    raise SuiteError(
        f"the label column '{column.name}' has {label.described_values}: each of several says whether it holds, as "
        f"{WRITTEN}; name the column alone to predict what it holds"
    )
