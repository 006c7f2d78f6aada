"""How a person may steer a reader; each domain names the options that it understands."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class DataOptions:
    """`seed` decides random splits; the rest is None where the reader is to find out for itself."""

    seed: int = 0
    text_column: str | None = None
    label_column: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    positive: str | None = None
    image_size: int | None = None

    def given(self) -> dict[str, str | int]:
        """The options that were set by hand, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "seed"}
        return {name: value for name, value in values.items() if value is not None}
