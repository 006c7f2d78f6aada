"""How a person may steer a reader; each domain names the options that it understands."""

from collections.abc import Collection
from dataclasses import dataclass, fields

from suite.artifact import TensorSpec

NOT_BY_HAND = ("seed", "inputs", "known_label", "undivided")


@dataclass(frozen=True)
class DataOptions:
    """`seed` decides random splits; what people set by hand is None where the reader is to find out for itself.

    `inputs` are those of a model that is to be measured: what the data holds is brought to them. `known_label` is the
    label column that it learned from. With `undivided` all rows are the test split, whatever the classes and times that
    they are of.
    """

    seed: int = 0
    text_column: str | None = None
    label_column: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    positive: str | None = None
    image_size: int | None = None
    inputs: tuple[TensorSpec, ...] = ()
    known_label: str | None = None
    undivided: bool = False

    def label_among(self, names: Collection[str]) -> str | None:
        """The label column that was asked for, else the one that the measured model knows, if it is one of `names`."""
        return self.label_column or (self.known_label if self.known_label in names else None)

    def divides(self, classes: int) -> bool:
        """Whether rows of so many classes are split; a model can be measured on rows of one class, but only on all."""
        return not (self.undivided or (self.inputs and classes == 1))

    def given(self) -> dict[str, str | int]:
        """The options that were set by hand, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in NOT_BY_HAND}
        return {name: value for name, value in values.items() if value is not None}
