"""Types that blocks share with the code that calls them; nothing heavy is imported here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# From inputs by name, targets float32 (N, classes) and a seed int32 (2,) of a batch to inputs and targets.
Augmentation = Callable[[dict[str, Any], Any, Any], tuple[dict[str, Any], Any]]


class Base(Protocol):
    """Models that are fitted before a network, whose scores it corrects; see suite.blocks.stacking for `limit`."""

    @property
    def limit(self) -> float: ...

    def layers(self, inputs: dict[str, Any], members: Sequence[str]) -> Any:
        """The scores of some members as layers of a network: of its inputs, to which it may add, to (N, models, K)."""


@dataclass(frozen=True)
class Head:
    """The last layers: from vectors (N, F), or (N, members, F) of an ensemble, to the network's output by name.

    They may add an offset (N, K), such as the scores of `base`, if there are any.
    """

    layers: Callable[..., dict[str, Any]]
    base: Base | None = None

    def __call__(self, x: Any, offset: Any = None) -> dict[str, Any]:
        return self.layers(x) if offset is None else self.layers(x, offset=offset)
