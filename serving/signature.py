"""What a model takes and gives, tensor by tensor, whatever engine runs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.artifact import Card, TensorSpec

Shape = tuple[int | None, ...]

# The signature that is asked where a request names none, and what signatures are for, in TensorFlow Serving's words.
DEFAULT = "serving_default"
PREDICT, CLASSIFY, REGRESS = (f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress"))


@dataclass(frozen=True)
class Tensor:
    """A tensor of a signature; `graph_name` is what the graph of a SavedModel calls it.

    In `shape`, which begins with the batch axis, None is any size. A `shape` of None is any shape.
    """

    dtype: str
    shape: Shape | None
    graph_name: str = ""


@dataclass(frozen=True)
class Signature:
    """A model's inputs and outputs by name. One with a `complaint` cannot be asked, and that is why."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    method: str = PREDICT
    complaint: str = ""


def of_card(card: "Card") -> Signature:
    """The signature of a model with a card."""
    return Signature(_tensors(card.inputs), _tensors(card.outputs))


def in_words(shape: "Shape | None") -> str:
    """A shape for people to read."""
    if shape is None:
        return "any"
    lengths = ["any" if length is None else str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"


def _tensors(specs: "list[TensorSpec]") -> dict[str, Tensor]:
    return {spec.name: Tensor(spec.dtype, (None, *spec.shape)) for spec in specs}
