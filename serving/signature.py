"""The inputs and outputs of a model, independent of the engine that runs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.artifact import Card, TensorSpec

Shape = tuple[int | None, ...]

# The name of the default signature, and the methods of signatures, as TensorFlow Serving calls them.
DEFAULT = "serving_default"
PREDICT, CLASSIFY, REGRESS = (f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress"))


@dataclass(frozen=True)
class Tensor:
    """A tensor of a signature; `graph_name` is its name in the graph of a SavedModel.

    `shape` includes the batch axis. A length of None is any length, and a shape of None is any shape.
    """

    dtype: str
    shape: Shape | None
    graph_name: str = ""


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model by name. If not empty, `complaint` says why requests cannot use it."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    method: str = PREDICT
    complaint: str = ""


def of_card(card: "Card") -> Signature:
    """Return the signature of a model with a card."""
    return Signature(_tensors(card.inputs), _tensors(card.outputs))


def in_words(shape: "Shape | None") -> str:
    """Format a shape for people, as in (any, 28, 28)."""
    if shape is None:
        return "any"
    lengths = ["any" if length is None else str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"


def _tensors(specs: "list[TensorSpec]") -> dict[str, Tensor]:
    return {spec.name: Tensor(spec.dtype, (None, *spec.shape)) for spec in specs}
