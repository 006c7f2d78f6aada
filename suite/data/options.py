"""How a person may steer a reader; each domain names the options that it understands."""

from dataclasses import dataclass, fields

from suite.artifact import TensorSpec

NOT_BY_HAND = ("seed", "inputs", "undivided")


@dataclass(frozen=True)
class DataOptions:
    """`seed` decides random splits; what people set by hand is None where the reader is to find out for itself.

    `inputs` are those of a model that is to be measured: what the data holds is brought to them. With `undivided` all
    rows are the test split, whatever the classes and times that they are of.
    """

    seed: int = 0
    text_column: str | None = None
    label_column: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    positive: str | None = None
    image_size: int | None = None
    inputs: tuple[TensorSpec, ...] = ()
    undivided: bool = False

    def given(self) -> dict[str, str | int]:
        """The options that were set by hand, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in NOT_BY_HAND}
        return {name: value for name, value in values.items() if value is not None}
