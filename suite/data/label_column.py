"""A column of labels: its classes, and which rows have none."""

from dataclasses import dataclass
from typing import Any

from suite.data import arrow_types
from suite.data.column import MAX_DISTINCT, Column
from suite.preprocessing.mirror import label_names


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

    def read(self, column: Any) -> list[str | None]:
        """The classes of a batch, with None for rows without a label."""
        return [self.names.get(text) or None if text else None for text in arrow_types.strings(column).to_pylist()]

    def notes(self) -> list[str]:
        """A note on rows without a label, and on words in their place."""
        left_out = self.column.rows - self.known
        words = sorted({text for text, name in self.names.items() if text and not name})
        named = f" ({', '.join(words)})" if words else ""
        return [f"rows without a label left out: {left_out:,}{named}"] if left_out else []


def whole_column(column: Any) -> list[str | None]:
    """The classes of a whole column of labels, with None for rows without a label."""
    spellings = arrow_types.strings(column).to_pylist()
    names = label_names.names({text for text in spellings if text})
    return [names[text] or None if text else None for text in spellings]
