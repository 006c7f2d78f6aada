"""A column of labels: its classes, and which rows have none."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.data import arrow_types, columns
from suite.data.column import MAX_DISTINCT, Column
from suite.errors import listed
from suite.preprocessing.mirror import label_names, numbers

VALUES_SHOWN = 4


@dataclass(frozen=True)
class LabelColumn:
    """A profiled column as labels: the class of each spelling ("" for none), and the rows of each class."""

    column: Column
    names: dict[str, str]
    counts: dict[str, int]

    @classmethod
    def of(cls, column: Column, wanted: int = 0) -> "LabelColumn":
        """The column's classes, of which so many are `wanted` if that is not 0."""
        if len(column.spellings) > MAX_DISTINCT:
            return cls(column, {}, column.distinct)  # too many for classes, and not all of them
        names = label_names.names(column.spellings, wanted)
        counts: dict[str, int] = {}
        for text, count in column.spellings.items():
            if names[text]:
                counts[names[text]] = counts.get(names[text], 0) + count
        return cls(column, names, counts)

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def known(self) -> int:
        """The number of rows with a label."""
        return sum(self.counts.values())

    @property
    def described_values(self) -> str:
        """How many values there are and the first ones, in words: `5 values (a, b, c, d, ...)`."""
        count, first = len(self.counts), list(self.counts)[:VALUES_SHOWN]
        many = f"more than {MAX_DISTINCT:,}" if count > MAX_DISTINCT else f"{count:,}"
        more = ", ..." if count > len(first) else ""
        return f"{many} value{'s' if count != 1 else ''}{f' ({listed(first)}{more})' if first else ''}"

    @property
    def columns(self) -> tuple[Column, ...]:
        return (self.column,)

    def empty(self, rows: int) -> np.ndarray:
        """An array for the truth of so many rows."""
        return np.empty(rows, np.int32)

    def read_batch(self, batch: Any, labels: Sequence[str], row: int) -> tuple[np.ndarray, np.ndarray]:
        """Which rows of a batch have a label, bool (N,), and the numbers of their classes among `labels`."""
        if self.name not in batch.schema.names:
            return np.zeros(batch.num_rows, bool), self.empty(0)
        numbers = {name: number for number, name in enumerate(labels)}
        classes = self.read(batch.column(self.name))
        kept = np.array([name is not None for name in classes], bool)
        return kept, np.array([numbers[name] for name in classes if name is not None], np.int32)

    def read(self, column: Any) -> list[str | None]:
        """The classes of a batch, with None for rows without a label."""
        return [self.names.get(text) or None if text else None for text in arrow_types.strings(column).to_pylist()]

    def notes(self) -> list[str]:
        """A note on rows without a label, and on words in their place."""
        left_out = self.column.rows - self.known
        words = sorted({text for text, name in self.names.items() if text and not name})
        named = f" ({', '.join(words)})" if words else ""
        return [f"rows without a label left out: {left_out:,}{named}"] if left_out else []


@dataclass(frozen=True)
class NumberColumn:
    """A profiled column as a number to predict."""

    column: Column

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def form(self) -> str:
        """How its numbers are written."""
        return self.column.number_forms.best(self.column.prefers_comma)[0]

    @property
    def known(self) -> int:
        """The number of rows with a number."""
        return self.column.number_forms.best(self.column.prefers_comma)[1]

    def is_read(self, text: str) -> bool:
        """Whether a text is a number as the column writes them."""
        return not math.isnan(numbers.read(text, self.form))

    @property
    def columns(self) -> tuple[Column, ...]:
        return (self.column,)

    def empty(self, rows: int) -> np.ndarray:
        """An array for the truth of so many rows."""
        return np.empty(rows, np.float64)

    def read_batch(self, batch: Any, labels: Sequence[str], row: int) -> tuple[np.ndarray, np.ndarray]:
        """Which rows of a batch have a number, bool (N,), and these numbers."""
        if self.name not in batch.schema.names:
            return np.zeros(batch.num_rows, bool), self.empty(0)
        found = self.empty(batch.num_rows)
        form = "" if columns.is_plain(batch, self.name) else self.form
        columns.fill("numeric", form, batch.column(self.name), found, {})
        kept = ~np.isnan(found)
        return kept, found[kept]

    def notes(self) -> list[str]:
        """A note on rows without a number."""
        left_out = self.column.rows - self.known
        return [f"rows without a label left out: {left_out:,}"] if left_out else []


def whole_column(column: Any) -> list[str | None]:
    """The classes of a whole column of labels, with None for rows without a label."""
    spellings = arrow_types.strings(column).to_pylist()
    names = label_names.names({text for text in spellings if text})
    return [names[text] or None if text else None for text in spellings]
