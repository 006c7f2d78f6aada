"""Options of the data readers; each domain names the ones that it supports."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from suite.artifact import TensorSpec

if TYPE_CHECKING:
    from suite.data.memory import Memory
    from suite.preprocessing.mirror.image import Form

SET_BY_CALLER = ("seed", "inputs", "known_label", "known_text", "picture", "undivided", "allow_missing", "known_task")
# Options of how files are read and how rows are split, which every domain supports.
FILE_OPTIONS = ("encoding", "no_header", "sheet")
SPLIT_OPTIONS = ("split", "validation", "test")
RANDOM, TIME, GROUP = "random", "time", "group"
CLASSIFICATION, REGRESSION, MULTI_LABEL = "classification", "regression", "multi_label"


@dataclass(frozen=True)
class Reading:
    """How a file is read where its content does not say it: the encoding of text, no header, a workbook's sheet."""

    encoding: str | None = None
    no_header: bool = False
    sheet: str | None = None


@dataclass(frozen=True)
class DataOptions:
    """Options that people set are None if the reader decides by itself; `seed` decides random splits.

    `label_column` is the column of labels, or several, separated by commas, in each of which a label holds or not.
    `split` is random, time or group. `validation` and `test` are paths of files with the rows of these
    splits, or data in memory.

    `inputs`, `known_label`, `known_text` and `known_task` are the inputs, columns and task of a model to evaluate: the
    data is converted to these inputs, of which none may be absent unless `allow_missing` is set, and its pictures to
    the form `picture`.
    With `undivided` all rows are in the test split.
    """

    seed: int = 0
    text_column: str | None = None
    label_column: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    date_order: str | None = None
    positive: str | None = None
    task: str | None = None
    image_size: int | None = None
    encoding: str | None = None
    no_header: bool | None = None
    sheet: str | None = None
    split: str | None = None
    validation: "str | Memory | None" = None
    test: "str | Memory | None" = None
    inputs: tuple[TensorSpec, ...] = ()
    known_label: str | None = None
    known_text: str | None = None
    known_task: str | None = None
    picture: "Form | None" = None
    undivided: bool = False
    allow_missing: bool = False

    @property
    def reading(self) -> Reading:
        """How files are to be read."""
        return Reading(self.encoding, bool(self.no_header), self.sheet)

    def label_column_in(self, names: Collection[str]) -> str | None:
        """The label column that was asked for, else that of the model to evaluate, if it is one of `names`."""
        return self.label_column or (self.known_label if self.known_label in names else None)

    def text_column_in(self, names: Collection[str]) -> str | None:
        """The text column that was asked for, else that of the model to evaluate, if it is one of `names`."""
        return self.text_column or (self.known_text if self.known_text in names else None)

    def has_splits(self, classes: int) -> bool:
        """Whether rows of this many classes are split; rows of one class are not, and only evaluate a model."""
        return not (self.undivided or (self.inputs and classes == 1))

    def given(self) -> dict[str, str | int]:
        """The options that people set, by name."""
        from suite.data.memory import Memory

        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in SET_BY_CALLER}
        # Rows in memory are not kept, so that nothing could read them again.
        kept = {name: value for name, value in values.items() if value is not None and not isinstance(value, Memory)}
        return {name: _plain(value) for name, value in kept.items()}


def _plain(value: Any) -> str | int:
    """A value as the card holds it."""
    return value if isinstance(value, str | int) else str(value)
