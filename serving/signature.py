"""What a model takes and gives, tensor by tensor, whatever engine runs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.artifact import Card, TensorSpec

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Tensor:
    """A tensor of a signature; in `shape`, with the batch axis, None is any size; a `shape` of None is any shape."""

    dtype: str
    shape: Shape | None


@dataclass(frozen=True)
class Signature:
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


def of_card(card: "Card") -> Signature:
    """The signature of a model with a card."""
    return Signature(_tensors(card.inputs), _tensors(card.outputs))


def _tensors(specs: "list[TensorSpec]") -> dict[str, Tensor]:
    return {spec.name: Tensor(spec.dtype, (None, *spec.shape)) for spec in specs}
